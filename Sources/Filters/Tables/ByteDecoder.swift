import CZlib
import CZstd
import Groundwork

/// Takes packed bytes as they come and gives the bytes that they hold.
///
/// What was unpacked before a fault is given out first, so that what is read does not depend on how the bytes come in pieces.
protocol ByteDecoder: AnyObject {
  typealias Refill = (UnsafeMutablePointer<UInt8>, Int) throws -> Int

  /// The program that unpacks a file to stdout.
  static var command: String { get }
  /// Whether bytes may be given out without more packed ones.
  var hasMore: Bool { get }
  /// Gives at least one byte, or 0 at the end. `refill` reads packed bytes.
  func read(into target: UnsafeMutablePointer<UInt8>, room: Int, refill: Refill) throws -> Int
}

/// Packed bytes that were read and are not used up.
struct PackedInput {
  var bytes: [UInt8]
  var available: Int
  var offset = 0
  /// Bytes before those of `bytes`.
  private var before = 0

  init(_ first: UnsafeBufferPointer<UInt8>) {
    bytes = Array(first)
    available = first.count
    if bytes.count < 1 << 16 { bytes += [UInt8](repeating: 0, count: 1 << 16 - bytes.count) }
  }

  var isEmpty: Bool { offset == available }
  /// Where the next byte stands among all, counted from 1.
  var position: Int { before + offset + 1 }

  /// Reads more bytes behind those that are not used up. False at the end.
  mutating func fill(_ refill: ByteDecoder.Refill) throws -> Bool {
    let kept = available - offset
    for i in 0..<kept { bytes[i] = bytes[offset + i] }
    before += offset
    (offset, available) = (0, kept)
    let count = try bytes.withUnsafeMutableBufferPointer { try refill($0.baseAddress! + kept, $0.count - kept) }
    available += count
    return count > 0
  }
}

/// zlib's inflate over a stream of gzip members, which zero bytes may follow, as on a tape.
final class GzipDecoder: ByteDecoder {
  static let command = "gzip -dc"

  private let name: String
  private var stream = z_stream()
  private var input: PackedInput
  private var isBetweenMembers = false
  private var isPadding = false
  private var fault: Failure?
  private(set) var hasMore = true

  init(name: String, first: UnsafeBufferPointer<UInt8>) throws {
    self.name = name
    input = PackedInput(first)
    guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw Failure(.internal, "zlib cannot start", at: .init(input: name))
    }
  }

  deinit { inflateEnd(&stream) }

  func read(into target: UnsafeMutablePointer<UInt8>, room: Int, refill: Refill) throws -> Int {
    while true {
      if let fault { throw fault }
      if input.isEmpty, try !input.fill(refill) {
        if isBetweenMembers { return 0 }
        throw Failure(.badData, "the gzip data end too early", at: .init(input: name), remedy: "the file is truncated")
      }
      if isBetweenMembers, try !beginMember(refill) { continue }
      let (from, count) = (input.offset, input.available - input.offset)
      let (status, written, consumed): (Int32, Int, Int) = input.bytes.withUnsafeMutableBufferPointer { buffer in
        stream.next_in = buffer.baseAddress! + from
        stream.avail_in = UInt32(count)
        stream.next_out = target
        stream.avail_out = UInt32(min(room, 1 << 30))
        let before = stream.avail_out
        let status = inflate(&stream, Z_NO_FLUSH)
        return (status, Int(before - stream.avail_out), count - Int(stream.avail_in))
      }
      input.offset += consumed
      hasMore = !input.isEmpty || stream.avail_out == 0
      switch status {
      case Z_OK, Z_BUF_ERROR: break
      case Z_STREAM_END: isBetweenMembers = true
      default: fault = Failure(.badData, "the gzip data are damaged", at: .init(input: name))
      }
      if written > 0 { return written }
    }
  }

  /// Begins the next member with the bytes at hand, of which there is one at least. False where they are padding.
  private func beginMember(_ refill: Refill) throws -> Bool {
    if input.bytes[input.offset] == 0 {
      isPadding = true
      while !input.isEmpty, input.bytes[input.offset] == 0 { input.offset += 1 }
      return false
    }
    let isMagic = input.bytes[input.offset] == 0x1f && !isPadding
    if isMagic, input.available - input.offset == 1 { _ = try input.fill(refill) }
    guard isMagic, input.available - input.offset > 1, input.bytes[input.offset + 1] == 0x8b else {
      throw behindTheEnd("gzip", name, input.position)
    }
    inflateReset(&stream)
    isBetweenMembers = false
    return true
  }
}

/// libzstd over a stream of frames, of which some may be skippable. Memory is bounded: a window of at most 128 MiB.
final class ZstdDecoder: ByteDecoder {
  static let command = "zstd -dc"

  private let name: String
  private let context: OpaquePointer
  private var input: PackedInput
  private var isBetweenFrames = true
  private var fault: Failure?
  private(set) var hasMore = true

  init(name: String, first: UnsafeBufferPointer<UInt8>) throws {
    self.name = name
    input = PackedInput(first)
    guard let context = ZSTD_createDCtx(), ZSTD_isError(ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27)) == 0 else {
      throw Failure(.internal, "libzstd cannot start", at: .init(input: name))
    }
    self.context = context
  }

  deinit { ZSTD_freeDCtx(context) }

  func read(into target: UnsafeMutablePointer<UInt8>, room: Int, refill: Refill) throws -> Int {
    while true {
      if let fault { throw fault }
      // A full target may have left output in the context.
      if input.isEmpty, !hasMore || isBetweenFrames, try !input.fill(refill) {
        if isBetweenFrames { return 0 }
        throw Failure(
          .badData, "the zstd data end too early, after \(counted(input.position - 1, "byte"))", at: .init(input: name),
          remedy: "the file is truncated")
      }
      if isBetweenFrames { try beginFrame(refill) }
      let (from, count) = (input.offset, input.available - input.offset)
      let (status, written, consumed): (Int, Int, Int) = input.bytes.withUnsafeBufferPointer { buffer in
        var packed = ZSTD_inBuffer(src: buffer.baseAddress! + from, size: count, pos: 0)
        var unpacked = ZSTD_outBuffer(dst: target, size: room, pos: 0)
        let status = ZSTD_decompressStream(context, &unpacked, &packed)
        return (status, unpacked.pos, packed.pos)
      }
      input.offset += consumed
      hasMore = !input.isEmpty || written == room
      if ZSTD_isError(status) != 0 {
        fault = failure(of: status)
      } else {
        isBetweenFrames = status == 0
      }
      if written > 0 { return written }
    }
  }

  /// Sees that a frame begins with the bytes at hand, of which there is one at least.
  private func beginFrame(_ refill: Refill) throws {
    while input.available - input.offset < 4, try input.fill(refill) {}
    let start = input.bytes[input.offset..<min(input.offset + 4, input.available)]
    let isFrame = start.elementsEqual([0x28, 0xB5, 0x2F, 0xFD])
    guard isFrame || (start.first! & 0xF0 == 0x50 && start.dropFirst().elementsEqual([0x2A, 0x4D, 0x18])) else {
      throw behindTheEnd("zstd", name, input.position)
    }
  }

  private func failure(of status: Int) -> Failure {
    if ZSTD_getErrorCode(status) == ZSTD_error_frameParameter_windowTooLarge {
      return Failure(
        .badData, "the zstd data need a window of more than 128 MiB", at: .init(input: name),
        remedy: "unpack them with zstd -dc --long=31" + (name == "stdin" ? "" : " " + shellWord(name)))
    }
    return Failure(.badData, "the zstd data are damaged", at: .init(input: name))
  }
}

/// Where one stream of packed bytes has ended, another follows that is none: rows of it would be lost.
private func behindTheEnd(_ format: String, _ name: String, _ position: Int) -> Failure {
  Failure(
    .badData, "bytes behind the end of the \(format) data, from byte \(position)", at: .init(input: name),
    remedy: "the file is damaged, or something was appended to it")
}
