import Glibc
import Groundwork

/// One operand opened for reading; gzip and zstd are unpacked, recognised by their first bytes.
final class ByteSource {
  /// How messages call it: the operand, or `stdin`.
  let name: String
  private let descriptor: Int32
  /// What the bytes of the descriptor are packed in, the outermost first.
  private var decoders: [any ByteDecoder] = []
  /// Objects of a JSON array, as lines of NDJSON.
  private var array: JSONArrayReader?
  /// Bytes that were looked at and not given out yet.
  private var ahead = ByteBuffer(capacity: 64)
  private var aheadFrom = 0
  private var isFirstRead = true
  /// Bytes taken from the descriptor so far, for progress.
  private(set) var bytesTaken = 0

  /// Data are packed at most this often: some archives hold themselves.
  private static let deepest = 4

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

  /// Whether it is a plain file, which can be opened again and read from its start.
  var isPlainFile: Bool {
    var status = stat()
    return descriptor != STDIN_FILENO && fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// How a remedy names the file and what it is packed in.
  var place: SignaturePlace { SignaturePlace(file: descriptor == STDIN_FILENO ? nil : name, unpackers: decoders.map { type(of: $0).command }) }

  /// Reads at least one byte, or returns 0 at the end.
  func read(into target: UnsafeMutablePointer<UInt8>, room: Int) throws -> Int {
    if let array { return try array.read(into: target, room: room, refill: readContent) }
    return try readContent(target, room)
  }

  /// True when a read would return at once: more bytes, or the end.
  var isReady: Bool {
    if aheadFrom < ahead.count || array.map(\.hasMore) == true || decoders.contains(where: \.hasMore) { return true }
    var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return Glibc.poll(&poll, 1, 0) == 1
  }

  /// From now on the content is read as a JSON array, beginning with `bytes`, which were read already.
  func readAsArray(from bytes: UnsafeBufferPointer<UInt8>) {
    array = JSONArrayReader(name: name)
    let rest = ByteBuffer(capacity: bytes.count + ahead.count - aheadFrom)
    rest.append(bytes)
    rest.append(UnsafePointer(ahead.base) + aheadFrom, count: ahead.count - aheadFrom)
    (ahead, aheadFrom) = (rest, 0)
  }

  /// Where it is read as a JSON array: the physical line on which its first object begins.
  var firstArrayLine: Int? { array?.firstLine }

  /// Where it is read as a JSON array: the physical lines on which the next `count` objects begin.
  func takeLines(_ count: Int) -> [Int]? { array?.takeLines(count) }

  // MARK: Layers

  private func readContent(_ target: UnsafeMutablePointer<UInt8>, _ room: Int) throws -> Int {
    if isFirstRead {
      isFirstRead = false
      try recognise()
    }
    if aheadFrom < ahead.count {
      let count = min(room, ahead.count - aheadFrom)
      memcpy(target, ahead.base + aheadFrom, count)
      aheadFrom += count
      return count
    }
    return try read(level: decoders.count, target, room)
  }

  /// Reads on while the first bytes may become a signature, puts decoders where they are packed, and refuses what is no table.
  private func recognise() throws {
    while true {
      repeat {
        let count = try ahead.append(room: 1 << 16) { try read(level: decoders.count, $0, $1) }
        if count == 0 { break }
      } while FileSignature.isUndecided(ahead.bytes)
      guard let signature = FileSignature.find(ahead.bytes) else { return }
      switch signature.meaning {
      case .refused: throw signature.failure(name, place)
      case .gzip where decoders.count < ByteSource.deepest: decoders.append(try GzipDecoder(name: name, first: ahead.bytes))
      case .zstd where decoders.count < ByteSource.deepest: decoders.append(try ZstdDecoder(name: name, first: ahead.bytes))
      case .gzip, .zstd: throw Failure(.badData, "the data are packed more than \(ByteSource.deepest) times", at: .init(input: name))
      }
      ahead.removeAll()
    }
  }

  /// Level 0 is the descriptor, level k the output of the kth decoder.
  private func read(level: Int, _ target: UnsafeMutablePointer<UInt8>, _ room: Int) throws -> Int {
    if level == 0 { return try readRaw(target, room) }
    return try decoders[level - 1].read(into: target, room: room) { try read(level: level - 1, $0, $1) }
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
