/// How `fold` tells blocks of time: t0, t1, …
public enum TimeFold {
  /// The letter before a block's number.
  public static let mark = UInt8(ascii: "t")

  /// The number of the block that a field names; nil for other text.
  public static func block(_ text: String) -> Int? {
    let digits = text.utf8.dropFirst()
    guard text.utf8.first == mark, !digits.isEmpty, digits.count < 10, digits.allSatisfy({ $0 &- 48 < 10 }) else { return nil }
    return Int(text.dropFirst())
  }
}
