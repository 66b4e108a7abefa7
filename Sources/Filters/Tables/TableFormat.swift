/// The text formats of tables.
public enum TableFormat: Equatable, Sendable {
  /// RFC 4180 with this delimiter.
  case separated(delimiter: UInt8)
  /// One flat JSON object a line.
  case ndjson

  public static let csv = TableFormat.separated(delimiter: UInt8(ascii: ","))
  public static let tsv = TableFormat.separated(delimiter: UInt8(ascii: "\t"))

  /// Recognises the format of a table by its first bytes, which hold the first line unless that is very long. A delimiter that is
  /// `likely` is taken where the line has it.
  static func recognise(_ bytes: UnsafeBufferPointer<UInt8>, likely: UInt8? = nil) -> TableFormat {
    let firstVisible = bytes.first { $0 != 32 && $0 != 9 && $0 != 10 && $0 != 13 }
    if firstVisible == UInt8(ascii: "{") { return .ndjson }
    let line = bytes.prefix { $0 != 10 }
    if let likely, line.contains(likely) { return .separated(delimiter: likely) }
    return line.contains(9) && !line.contains(UInt8(ascii: ",")) ? .tsv : .csv
  }
}
