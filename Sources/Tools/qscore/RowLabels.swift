/// Texts that tell rows apart, as numbers in the order of first appearance.
struct RowLabels {
  private(set) var names: [[String]] = []
  private var numbers: [[String]: Int32] = [:]

  mutating func number(of name: [String]) -> Int32 {
    if let known = numbers[name] { return known }
    let number = Int32(names.count)
    numbers[name] = number
    names.append(name)
    return number
  }

  /// Of each number, its place in the order of reports and of series.
  var ranks: [Int32] {
    let rank = Dictionary(uniqueKeysWithValues: inKeyOrder(names).enumerated().map { ($1, Int32($0)) })
    return names.map { rank[$0]! }
  }
}
