/// The law of members of NDJSON whose key the table's columns do not have.
///
/// The columns are the keys of the first object, or those that `--columns` names. Rows that are written as NDJSON carry other members along as they
/// are, for whoever knows them. What has no place to go is an error, and so is a member that would have a meaning: a quantile, a fold, a
/// copy, or a column that the tool writes itself.
public struct LateKeys: Equatable, Sendable {
  /// Whether other members pass through.
  private var passes = false
  private var owned: Set<String> = []

  /// Every other key makes a bad row.
  public static let refused = LateKeys()

  /// Other members pass through, unless they are called like what the tool writes.
  public static func passed(except owned: some Sequence<String>) -> LateKeys {
    var law = LateKeys()
    law.passes = true
    law.owned = Set(owned).union(["fold", "held"])
    return law
  }

  /// Why a row may not have this key, or nil.
  func refusal(of key: String) -> String? {
    let hasMeaning: Bool
    if passes, !owned.contains(key) {
      hasMeaning = Header.quantileText(key) != nil
    } else {
      hasMeaning = true
    }
    guard hasMeaning else { return nil }
    let buffer = ByteBuffer(capacity: 64)
    appendJSONString(key, to: buffer)
    return "key \(String(decoding: buffer.bytes, as: UTF8.self)) is not in the first line's object; "
      + "write it there too, as null where it is missing, or name all keys with --columns"
  }
}
