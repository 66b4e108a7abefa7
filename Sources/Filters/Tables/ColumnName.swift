/// The names of columns.
public enum ColumnName {
  /// The name without the blanks around it, which are no part of it: spaces, tabs, line ends, no-break and other blanks of Unicode, and
  /// characters that show nothing, such as a byte order mark in the middle of a file.
  public static func trimmed(_ name: String) -> String {
    func isPlain(_ byte: UInt8?) -> Bool { byte.map { $0 > 32 && $0 < 127 } ?? true }
    if isPlain(name.utf8.first), isPlain(name.utf8.last) { return name }
    let scalars = name.unicodeScalars
    guard let first = scalars.firstIndex(where: { !isBlank($0) }), let last = scalars.lastIndex(where: { !isBlank($0) }) else { return "" }
    return String(scalars[first...last])
  }

  static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x200B...0x200F, 0x2060, 0xFEFF, 0x180E, 0xAD: true
    default: scalar.properties.isWhitespace
    }
  }
}
