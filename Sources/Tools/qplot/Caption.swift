import Groundwork

/// The line below a picture: what it shows, then what was left out.
struct Caption {
  private var shown: [String] = []
  private var leftOut: [String] = []

  /// Adds what the picture shows.
  mutating func say(_ sentence: String) { shown.append(sentence) }

  /// Adds "3 rows without a target" to what is left out, where there are any.
  mutating func leaveOut(_ count: Int, _ noun: String, _ which: String) {
    if count > 0 { leftOut.append("\(groupedCount(count, noun)) \(which)") }
  }

  /// Adds "3 of 7 models" to what is left out, where there are any.
  mutating func leaveOut(_ count: Int, of all: Int, _ noun: String) {
    if count > 0 { leftOut.append("\(grouped(count)) of \(groupedCount(all, noun))") }
  }

  func mapTexts(_ change: (String) -> String) -> Caption {
    var caption = self
    (caption.shown, caption.leftOut) = (shown.map(change), leftOut.map(change))
    return caption
  }

  var text: String { (shown + (leftOut.isEmpty ? [] : ["left out: " + leftOut.joined(separator: ", ")])).joined(separator: "; ") }
}

/// 12345 as "12,345".
func grouped(_ count: Int) -> String {
  var digits = "\(count)"
  var place = digits.count - 3
  while place > 0 {
    digits.insert(",", at: digits.index(digits.startIndex, offsetBy: place))
    place -= 3
  }
  return digits
}

/// "1 row", "12,345 rows"
func groupedCount(_ count: Int, _ noun: String) -> String { count == 1 ? counted(1, noun) : "\(grouped(count)) \(noun)s" }

/// "n = 506 rows", or the range of several numbers of rows.
func rowCaption(_ counts: [Int]) -> String {
  let (low, high) = (counts.min() ?? 0, counts.max() ?? 0)
  return low == high ? "n = \(groupedCount(low, "row"))" : "n = \(grouped(low)) to \(groupedCount(high, "row"))"
}
