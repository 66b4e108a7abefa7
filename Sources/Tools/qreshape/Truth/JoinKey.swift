import Tables

/// The fields on which rows of two tables are joined, as one key. Numbers match by value and midnights are dates, as tables that went
/// through other programs have 1.0 for 1 and 2024-01-06T00:00:00 for 2024-01-06; what begins with a zero that a number would not have
/// is text.
struct JoinKey {
  private let fields: FieldKey

  var columns: [Int] { fields.columns }

  init(columns: [Int]) { fields = FieldKey(columns: columns) }

  func append(_ row: Row, into buffer: ByteBuffer) {
    fields.append(row, into: buffer) { JoinKey.dateOfMidnight($0) ?? JoinKey.significantPart(ofNumber: $0) ?? $0.count }
  }

  /// How many bytes of a plain decimal are left without zeros at the end of its fraction; nil for other text.
  private static func significantPart(ofNumber text: UnsafeBufferPointer<UInt8>) -> Int? {
    func isDigit(_ i: Int) -> Bool { text[i] &- 0x30 < 10 }
    let first = text.first == UInt8(ascii: "-") ? 1 : 0
    guard let point = text.firstIndex(of: UInt8(ascii: ".")), point > first, text[first] != 0x30 || point == first + 1 else { return nil }
    guard (first..<point).allSatisfy(isDigit), (point + 1..<text.count).allSatisfy(isDigit) else { return nil }
    var end = text.count
    while text[end - 1] == 0x30 { end -= 1 }
    return end == point + 1 ? point : end
  }

  /// The length of the date in what says midnight, with or without seconds, fractions and UTC; nil for other text.
  private static func dateOfMidnight(_ text: UnsafeBufferPointer<UInt8>) -> Int? {
    guard text.count >= 16, text[10] == UInt8(ascii: "T") || text[10] == UInt8(ascii: " ") else { return nil }
    guard zip(text, "0000-00-00".utf8).allSatisfy({ $1 == 0x2D ? $0 == 0x2D : $0 &- 0x30 < 10 }) else { return nil }
    var time = String(decoding: text[11...], as: UTF8.self)[...]
    for zone in ["Z", "+00:00", "+0000"] where time.hasSuffix(zone) && time.count > zone.count { time = time.dropLast(zone.count) }
    let digits = time.filter { $0 != ":" && $0 != "." }
    return time.hasPrefix("00:00") && digits.allSatisfy { $0 == "0" } ? 10 : nil
  }
}
