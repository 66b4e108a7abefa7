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
  ///
  /// Tabs, and semicolons where there is no tab, delimit a line that has no comma outside quotes.
  static func recognise(_ bytes: UnsafeBufferPointer<UInt8>, likely: UInt8? = nil) -> TableFormat {
    func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 10 || byte == 13 }
    let visible = bytes.drop(while: isBlank)
    let line = bytes.prefix { $0 != 10 }
    if visible.first == UInt8(ascii: "{") {
      // A field may begin with a brace; what begins an object is a key or its end, and what is meant to has a colon.
      let next = visible.dropFirst().first { !isBlank($0) }
      if next == nil || next == 0x22 || next == UInt8(ascii: "}") || line.contains(UInt8(ascii: ":")) { return .ndjson }
    }
    if let likely, line.contains(likely) { return .separated(delimiter: likely) }
    let found = delimiters(outsideQuotes: line)
    if found.contains(UInt8(ascii: ",")) { return .csv }
    return found.contains(9) ? .tsv : found.contains(UInt8(ascii: ";")) ? .separated(delimiter: UInt8(ascii: ";")) : .csv
  }

  /// Commas, tabs and semicolons that stand in a line outside of fields in quotes.
  static func delimiters(outsideQuotes line: some Sequence<UInt8>) -> Set<UInt8> {
    var found: Set<UInt8> = []
    var isQuoted = false
    var isFieldStart = true
    for byte in line {
      let isDelimiter = byte == UInt8(ascii: ",") || byte == 9 || byte == UInt8(ascii: ";")
      if isQuoted {
        isQuoted = byte != 0x22
        continue
      }
      if isDelimiter { found.insert(byte) }
      // A quote inside of a quoted field is written twice: it ends the field and begins it again.
      isQuoted = byte == 0x22 && isFieldStart
      isFieldStart = isDelimiter || byte == 0x22
    }
    return found
  }

  /// How messages call what stands between fields.
  static func delimiterName(_ delimiter: UInt8) -> String {
    switch delimiter {
    case 9: "tabs"
    case UInt8(ascii: ","): "commas"
    case UInt8(ascii: ";"): "semicolons"
    default: "\"\(Character(Unicode.Scalar(delimiter)))\""
    }
  }
}
