/// The text formats of tables.
public enum TableFormat: Equatable, Sendable {
  /// RFC 4180 with this delimiter.
  case separated(delimiter: UInt8)
  /// One flat JSON object a line.
  case ndjson

  public static let csv = TableFormat.separated(delimiter: UInt8(ascii: ","))
  public static let tsv = TableFormat.separated(delimiter: UInt8(ascii: "\t"))

  /// Recognises the format of a table by its first bytes, which hold the first line unless that is very long.
  static func recognise(_ bytes: UnsafeBufferPointer<UInt8>) -> TableFormat {
    let firstVisible = bytes.first { $0 != 32 && $0 != 9 && $0 != 10 && $0 != 13 }
    if firstVisible == UInt8(ascii: "{") { return .ndjson }
    let line = bytes.prefix { $0 != 10 }
    return line.contains(9) && !line.contains(UInt8(ascii: ",")) ? .tsv : .csv
  }
}
