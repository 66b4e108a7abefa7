/// What a field of delimited text says where there is no value: nothing, one of the words that R, Python and JSON write, or one that the user adds.
public enum MissingText {
  /// Words of the user's; those that are numbers stand for a missing value by what they say, -99 as well as -99.0.
  nonisolated(unsafe) private static var words: Set<String> = []
  nonisolated(unsafe) static private(set) var numbers: Set<Double> = []
  nonisolated(unsafe) static private(set) var hasNumbers = false
  /// Bytes of the longest word.
  nonisolated(unsafe) static private(set) var longest = 4

  /// Adds words for missing. Call it before a reader is made.
  public static func add(_ more: [String]) {
    words.formUnion(more)
    longest = max(longest, more.map(\.utf8.count).max() ?? 0)
    let reader = NumberReader(decimalMark: NumberNotation.point)
    numbers.formUnion(more.compactMap { reader.value(of: $0) })
    hasNumbers = !numbers.isEmpty
  }

  public static func matches(_ text: String) -> Bool {
    switch text {
    case "", "NA", "NaN", "nan", "null": true
    default: !words.isEmpty && words.contains(text)
    }
  }

  static func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    text.count <= longest && matches(String(decoding: text, as: UTF8.self))
  }

  /// Whether text that is not missing here is what other programs and people write for missing.
  public static func isUsual(_ text: String) -> Bool {
    var word = text[...]
    while word.first == " " { word.removeFirst() }
    while word.last == " " { word.removeLast() }
    return usual.contains(word.lowercased())
  }

  /// How a word is made one for missing.
  public static func remedy(_ word: String) -> String {
    let isPlain = word.utf8.allSatisfy { ($0 | 0x20) &- 97 < 26 || [UInt8(ascii: "/"), UInt8(ascii: "-"), UInt8(ascii: ".")].contains($0) }
    return "if it stands for a missing value: --na \(isPlain ? word : "'\(word)'")"
  }

  private static let usual: Set<String> = [
    "n/a", "#n/a", "n.a.", "na", "nan", "<na>", "#na", "nat", "null", "nil", "none", "missing", "unknown", "-", "--", "—", "–", ".", "..", "...", "?",
    "*",
    "\\n", "(null)", "#null!", "#value!", "#div/0!", "#ref!", "#num!", "-nan", "1.#qnan", "-1.#ind",
  ]
}
