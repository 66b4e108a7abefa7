import CZlib
import Glibc
import Groundwork

/// One operand opened for reading; gzip is unpacked, recognised by its first two bytes.
final class ByteSource {
  /// How messages call it: the operand, or `stdin`.
  let name: String
  private let descriptor: Int32
  private var inflater: Inflater?
  private var isFirstRead = true
  /// Bytes taken from the descriptor so far, for progress.
  private(set) var bytesTaken = 0

  init(operand: String) throws {
    if operand == "-" {
      name = "stdin"
      descriptor = STDIN_FILENO
    } else {
      name = operand
      descriptor = open(operand, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw ByteSource.failure(operand, errno) }
    }
  }

  deinit { if descriptor != STDIN_FILENO { close(descriptor) } }

  /// Says early what cannot be read, before any output is written.
  static func check(operands: [String]) throws {
    for operand in operands where operand != "-" {
      var status = stat()
      guard stat(operand, &status) == 0 else { throw failure(operand, errno) }
      if status.st_mode & S_IFMT == S_IFDIR { throw Failure(.noInput, "is a directory", at: .init(input: operand)) }
      guard access(operand, R_OK) == 0 else { throw failure(operand, errno) }
    }
  }

  private static func failure(_ operand: String, _ code: Int32) -> Failure {
    Failure(code == EIO ? .inputOutput : .noInput, systemMessage(code), at: .init(input: operand))
  }

  /// Total size of the operands where all are plain files, for progress.
  static func totalSize(of operands: [String]) -> Int? {
    var total = 0
    for operand in operands {
      var status = stat()
      let found = operand == "-" ? fstat(STDIN_FILENO, &status) : stat(operand, &status)
      guard found == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
      total += Int(status.st_size)
    }
    return total
  }

  /// Reads at least one byte, or returns 0 at the end.
  func read(into target: UnsafeMutablePointer<UInt8>, room: Int) throws -> Int {
    if let inflater { return try inflater.read(into: target, room: room, refill: readRaw) }
    var count = try readRaw(target, room)
    if isFirstRead {
      isFirstRead = false
      while count == 1, target[0] == 0x1f {
        let more = try readRaw(target + 1, room - 1)
        if more == 0 { break }
        count += more
      }
      if count >= 2, target[0] == 0x1f, target[1] == 0x8b {
        let inflater = try Inflater(name: name, first: UnsafeBufferPointer(start: target, count: count))
        self.inflater = inflater
        return try inflater.read(into: target, room: room, refill: readRaw)
      }
    }
    return count
  }

  /// True when a read would return at once: more bytes, or the end.
  var isReady: Bool {
    if inflater != nil { return true }
    var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return Glibc.poll(&poll, 1, 0) == 1
  }

  private func readRaw(_ target: UnsafeMutablePointer<UInt8>, _ room: Int) throws -> Int {
    while true {
      let count = Glibc.read(descriptor, target, room)
      if count >= 0 {
        bytesTaken += count
        return count
      }
      if errno == EINTR { continue }
      if errno == EAGAIN {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = Glibc.poll(&poll, 1, -1)
        continue
      }
      if errno == EISDIR { throw Failure(.noInput, "is a directory", at: .init(input: name)) }
      throw Failure(.inputOutput, "cannot read: " + systemMessage(), at: .init(input: name))
    }
  }
}

/// zlib's inflate over a stream of gzip members.
private final class Inflater {
  private let name: String
  private var stream = z_stream()
  private var input: [UInt8]
  private var available: Int
  private var offset = 0
  private var isBetweenMembers = false

  init(name: String, first: UnsafeBufferPointer<UInt8>) throws {
    self.name = name
    input = Array(first)
    available = first.count
    if input.count < 1 << 16 { input += [UInt8](repeating: 0, count: 1 << 16 - input.count) }
    guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw Failure(.internal, "zlib cannot start", at: .init(input: name))
    }
  }

  deinit { inflateEnd(&stream) }

  func read(
    into target: UnsafeMutablePointer<UInt8>, room: Int, refill: (UnsafeMutablePointer<UInt8>, Int) throws -> Int
  ) throws -> Int {
    while true {
      if offset == available {
        available = try input.withUnsafeMutableBufferPointer { try refill($0.baseAddress!, $0.count) }
        offset = 0
        if available == 0 {
          if isBetweenMembers { return 0 }
          throw Failure(.badData, "the gzip data end too early", at: .init(input: name), remedy: "the file is truncated")
        }
      }
      if isBetweenMembers {
        // What follows the last member and is not another one is padding, as gzip itself takes it.
        guard input[offset] == 0x1f else {
          offset = available
          continue
        }
        inflateReset(&stream)
        isBetweenMembers = false
      }
      let (status, written, consumed): (Int32, Int, Int) = input.withUnsafeMutableBufferPointer { buffer in
        stream.next_in = buffer.baseAddress! + offset
        stream.avail_in = UInt32(available - offset)
        stream.next_out = target
        stream.avail_out = UInt32(min(room, 1 << 30))
        let before = stream.avail_out
        let status = inflate(&stream, Z_NO_FLUSH)
        return (status, Int(before - stream.avail_out), available - offset - Int(stream.avail_in))
      }
      offset += consumed
      switch status {
      case Z_OK, Z_BUF_ERROR: break
      case Z_STREAM_END: isBetweenMembers = true
      default: throw Failure(.badData, "the gzip data are damaged", at: .init(input: name))
      }
      if written > 0 { return written }
    }
  }
}
