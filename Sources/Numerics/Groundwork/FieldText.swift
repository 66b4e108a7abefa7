/// The content of a field as it came: bytes, which need not be UTF-8. Two are equal where their bytes are, and they stand in the order of
/// their bytes.
///
/// A `String` will not do: it takes what is not UTF-8 for U+FFFD, and é for e with a combining accent.
public struct FieldText: Hashable, Comparable, Sendable {
  public let bytes: [UInt8]

  public init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  public init(_ text: String) { bytes = Array(text.utf8) }

  public var isEmpty: Bool { bytes.isEmpty }

  public static func < (a: FieldText, b: FieldText) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }
}

extension FieldText: CustomStringConvertible {
  /// For messages: what is not UTF-8 is U+FFFD.
  public var description: String { String(decoding: bytes, as: UTF8.self) }
}

extension FieldText: ExpressibleByStringInterpolation {
  public init(stringLiteral text: String) { self.init(text) }
}

extension String {
  /// Whether another text is the same, byte for byte: é and e with a combining accent are two.
  public func hasSameBytes(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}

extension ByteWriter {
  public mutating func write(_ value: FieldText) { write(value.bytes) }

  /// A count, then the elements.
  public mutating func write(_ values: [FieldText]) {
    write(values.count)
    for value in values { write(value) }
  }
}

extension ByteReader {
  public mutating func readFieldText() throws -> FieldText { FieldText(try readArray(of: UInt8.self)) }

  public mutating func readFieldTexts() throws -> [FieldText] {
    let count = try readCount(ofAtLeast: 8)
    return try (0..<count).map { _ in try readFieldText() }
  }
}
