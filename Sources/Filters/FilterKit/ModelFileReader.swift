import Glibc
import Groundwork

/// Reads a file or stdin from its start, a stretch at a time, in no more memory than there are bytes.
final class ModelFileReader {
  /// How messages call it.
  let name: String
  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var next = 0
  /// A first line of JSON is no longer.
  private static let longestLine = 1 << 26

  /// nil is stdin.
  init(_ path: String?) throws {
    name = path ?? "stdin"
    descriptor = path.map { open($0, O_RDONLY | O_CLOEXEC) } ?? STDIN_FILENO
    guard descriptor >= 0 else { throw Failure(.noInput, systemMessage(), at: .init(input: name)) }
  }

  deinit { if descriptor != STDIN_FILENO { close(descriptor) } }

  /// Reads at most `count` bytes more into `target`; 0 at the end.
  private func read(into target: UnsafeMutableRawPointer, _ count: Int) throws -> Int {
    while true {
      let taken = Glibc.read(descriptor, target, min(count, 1 << 30))
      if taken >= 0 { return taken }
      if errno != EINTR { throw Failure(.noInput, "cannot read: " + systemMessage(), at: .init(input: name)) }
    }
  }

  /// Refills the buffer, which is used up. False at the end.
  private func refill() throws -> Bool {
    let size = 1 << 16
    buffer = try [UInt8](unsafeUninitializedCapacity: size) { bytes, count in count = try read(into: bytes.baseAddress!, size) }
    next = 0
    return !buffer.isEmpty
  }

  /// The next byte, which stays there; nil at the end.
  func peek() throws -> UInt8? {
    if next == buffer.count, try !refill() { return nil }
    return buffer[next]
  }

  func isAtEnd() throws -> Bool { try peek() == nil }

  /// The next line with its line end; nil where there is none, or one that is too long.
  func line() throws -> [UInt8]? {
    var line: [UInt8] = []
    while line.count <= ModelFileReader.longestLine, try peek() != nil {
      let end = buffer[next...].firstIndex(of: 10)
      line += buffer[next..<(end.map { $0 + 1 } ?? buffer.count)]
      next = end.map { $0 + 1 } ?? buffer.count
      if end != nil { return line }
    }
    return nil
  }

  /// The next `count` bytes; nil where there are fewer.
  func bytes(_ count: Int) throws -> [UInt8]? {
    let held = min(count, buffer.count - next)
    var result = Array(buffer[next..<next + held])
    next += held
    var rest = count - held
    if rest == 0 { return result }
    var status = stat()
    if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG {
      guard rest <= Int(status.st_size) - Int(lseek(descriptor, 0, SEEK_CUR)) else { return nil }
      result.reserveCapacity(count)
    }
    while rest > 0 {
      let piece = min(rest, 1 << 20)
      let taken = try [UInt8](unsafeUninitializedCapacity: piece) { bytes, filled in filled = try read(into: bytes.baseAddress!, piece) }
      if taken.isEmpty { return nil }
      result += taken
      rest -= taken.count
    }
    return result
  }
}
