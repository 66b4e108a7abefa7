/// How messages list names: the first few and how many more there are, or all of them.
public struct Listing: Sendable {
  /// How many names stand in a message that does not list all.
  public static let few = 3

  public var listsAll: Bool

  public init(all: Bool = false) { listsAll = all }

  /// "a, b, c and 37 more"; four names stand in full, as "and 1 more" is no shorter.
  public func callAsFunction(_ names: [String]) -> String {
    if listsAll || names.count <= Listing.few + 1 { return names.joined(separator: ", ") }
    return names.prefix(Listing.few).joined(separator: ", ") + " and \(names.count - Listing.few) more"
  }

  /// What messages of several fits have in common that say the same of other numbers and names: the text before its first colon, without
  /// numbers and without what stands in parentheses.
  public static func gist(of message: String) -> String {
    var depth = 0
    var gist = ""
    for scalar in message.unicodeScalars {
      if scalar == "(" { depth += 1 }
      if depth == 0, scalar == ":" { break }
      if depth == 0, !(48...57).contains(scalar.value), scalar != "." { gist.unicodeScalars.append(scalar) }
      if scalar == ")", depth > 0 { depth -= 1 }
    }
    return gist
  }
}
