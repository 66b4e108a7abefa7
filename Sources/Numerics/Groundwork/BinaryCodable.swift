/// What a model file keeps.
public protocol BinaryCodable {
  func encode(into writer: inout ByteWriter)

  /// Reads what `encode` wrote. Throws `ByteReader.damaged` for anything that it cannot have written.
  init(decoding reader: inout ByteReader) throws
}
