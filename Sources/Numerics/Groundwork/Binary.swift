/// Writes the little-endian binary part of a model file.
public struct ByteWriter {
  public private(set) var bytes: [UInt8] = []

  public init() {}

  public mutating func write(_ value: UInt64) { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
  public mutating func write(_ value: Int) { write(UInt64(bitPattern: Int64(value))) }
  public mutating func write(_ value: Double) { write(value.bitPattern) }
  public mutating func write(_ value: UInt8) { bytes.append(value) }
  public mutating func write(_ value: Bool) { bytes.append(value ? 1 : 0) }

  public mutating func write(_ value: String) {
    write(value.utf8.count)
    bytes.append(contentsOf: value.utf8)
  }

  /// A count, then the elements.
  public mutating func write(_ values: [String]) {
    write(values.count)
    for value in values { write(value) }
  }

  /// A count, then the elements, of any trivial fixed-width type. Little-endian machines only, which all targets are.
  public mutating func write<T: BitwiseCopyable>(_ values: [T]) {
    write(values.count)
    values.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }
}

/// Reads what `ByteWriter` wrote. Every read checks bounds, so a damaged file is a `Failure`, never a crash.
public struct ByteReader {
  private let bytes: [UInt8]
  private var position = 0

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  public var isAtEnd: Bool { position == bytes.count }

  private mutating func take(_ count: Int) throws -> Range<Int> {
    guard count >= 0, count <= bytes.count - position else { throw ByteReader.damaged }
    defer { position += count }
    return position..<position + count
  }

  /// The failure for content that cannot be what was written.
  public static var damaged: Failure { Failure(.badData, "the model file is damaged", remedy: "make it anew with --save") }

  public mutating func readUInt64() throws -> UInt64 {
    let range = try take(8)
    return bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: range.lowerBound, as: UInt64.self)) }
  }

  public mutating func readInt() throws -> Int { Int(truncatingIfNeeded: Int64(bitPattern: try readUInt64())) }
  public mutating func readDouble() throws -> Double { Double(bitPattern: try readUInt64()) }
  public mutating func readByte() throws -> UInt8 { bytes[try take(1).lowerBound] }
  public mutating func readBool() throws -> Bool { try readByte() != 0 }

  public mutating func readString() throws -> String {
    let count = try readInt()
    return String(decoding: bytes[try take(count)], as: UTF8.self)
  }

  /// Bytes that are still to be read.
  public var remaining: Int { bytes.count - position }

  /// How many elements follow, each of at least so many bytes: no more than there are bytes for.
  public mutating func readCount(ofAtLeast size: Int = 1) throws -> Int {
    let count = try readInt()
    guard count >= 0, count <= remaining / size else { throw ByteReader.damaged }
    return count
  }

  /// Counters are below this, as all that count what happened are, so that counting on never overflows.
  public static let counterLimit = 1 << 53

  /// How many of something there were that does not follow: rows, steps.
  public mutating func readCounter() throws -> Int {
    let count = try readInt()
    guard count >= 0, count < ByteReader.counterLimit else { throw ByteReader.damaged }
    return count
  }

  public mutating func readStrings() throws -> [String] {
    let count = try readCount(ofAtLeast: 8)
    return try (0..<count).map { _ in try readString() }
  }

  /// The elements of `ByteWriter.write(_: [T])`; `T` must be the type that was written.
  public mutating func readArray<T: BitwiseCopyable>(of type: T.Type) throws -> [T] {
    let count = try readInt()
    guard count >= 0, count <= (bytes.count - position) / MemoryLayout<T>.stride else { throw ByteReader.damaged }
    let range = try take(count * MemoryLayout<T>.stride)
    return [T](unsafeUninitializedCapacity: count) { buffer, filled in
      bytes.withUnsafeBytes { source in
        UnsafeMutableRawBufferPointer(buffer).copyMemory(from: UnsafeRawBufferPointer(rebasing: source[range]))
      }
      filled = count
    }
  }
}
