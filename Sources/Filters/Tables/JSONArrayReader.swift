import Groundwork

/// Gives the objects of a JSON array as lines of NDJSON, while the bytes come.
///
/// What an object holds stays byte for byte, but for its line ends and the blanks behind them. Of the objects that were given out only the
/// lines on which they begin are kept, until they are asked for: memory does not grow.
final class JSONArrayReader {
  private enum State {
    /// Before the array; before its first element, or its end; before another element.
    case start, first, element
    case object
    /// Behind an element; behind the array.
    case behind, end
  }

  private let name: String
  private var state = State.start
  private var depth = 0
  private var isInString = false
  private var isEscaped = false
  /// Behind a line end in an object, where blanks are left out.
  private var isIndented = false
  private var line = 1
  private var objects = 0
  private var lines: [Int] = []
  private var linesTaken = 0
  private var fault: Failure?
  private let input = ByteBuffer(capacity: 1 << 16)
  private let output = ByteBuffer(capacity: 1 << 16)
  private var given = 0

  init(name: String) { self.name = name }

  /// Whether bytes may be given out without more of the array.
  var hasMore: Bool { given < output.count }

  /// Gives at least one byte, or 0 at the end. Objects before a fault are given out first.
  func read(into target: UnsafeMutablePointer<UInt8>, room: Int, refill: (UnsafeMutablePointer<UInt8>, Int) throws -> Int) throws -> Int {
    while given == output.count {
      if let fault { throw fault }
      output.removeAll()
      given = 0
      input.removeAll()
      if try input.append(room: 1 << 16, refill) == 0 {
        if state == .end { return 0 }
        throw failure("the JSON array is not closed", remedy: "the file may be truncated")
      }
      for byte in input.bytes {
        do { try take(byte) } catch {
          fault = error
          break
        }
      }
    }
    let count = min(room, output.count - given)
    target.update(from: output.base + given, count: count)
    given += count
    return count
  }

  /// Until lines are taken: the line of the first object.
  var firstLine: Int? { linesTaken < lines.count ? lines[linesTaken] : nil }

  /// The lines on which the next `count` objects begin.
  func takeLines(_ count: Int) -> [Int] {
    let taken = Array(lines[linesTaken..<min(linesTaken + count, lines.count)])
    linesTaken += taken.count
    if linesTaken > 1 << 12 {
      lines.removeFirst(linesTaken)
      linesTaken = 0
    }
    return taken
  }

  private func failure(_ cause: String, remedy: String? = nil) -> Failure {
    Failure(.badData, cause, at: .init(input: name, line: line), remedy: remedy)
  }

  @inline(__always)
  private func take(_ byte: UInt8) throws(Failure) {
    if byte == 10 { line += 1 }
    if state == .object { takeInObject(byte) } else { try takeBetween(byte) }
  }

  private func takeInObject(_ byte: UInt8) {
    if isInString {
      if isEscaped {
        isEscaped = false
      } else if byte == 0x5c {
        isEscaped = true
      } else if byte == 0x22 {
        isInString = false
      }
      // No string of JSON holds a line end: what reads the line then says that it is not closed.
      return output.append(byte == 10 || byte == 13 ? 32 : byte)
    }
    if byte == 10 || byte == 13 {
      isIndented = true
      return
    }
    if isIndented, byte == 32 || byte == 9 { return }
    isIndented = false
    output.append(byte)
    switch byte {
    case 0x22: isInString = true
    case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
    case UInt8(ascii: "}"), UInt8(ascii: "]"):
      depth -= 1
      if depth == 0 {
        output.append(10)
        state = .behind
      }
    default: break
    }
  }

  private func takeBetween(_ byte: UInt8) throws(Failure) {
    if byte == 32 || byte == 9 || byte == 10 || byte == 13 { return }
    switch (state, byte) {
    case (.start, UInt8(ascii: "[")): state = .first
    case (.first, UInt8(ascii: "]")), (.behind, UInt8(ascii: "]")): state = .end
    case (.first, UInt8(ascii: "{")), (.element, UInt8(ascii: "{")):
      objects += 1
      lines.append(line)
      (state, depth, isIndented) = (.object, 1, false)
      output.append(byte)
    case (.behind, UInt8(ascii: ",")): state = .element
    case (.first, _), (.element, _):
      throw failure("element \(objects + 1) of the JSON array is not an object", remedy: "an array of flat objects is read")
    case (.behind, _): throw failure("a comma or ] was expected after element \(objects) of the JSON array")
    default: throw failure("text after the JSON array")
    }
  }
}
