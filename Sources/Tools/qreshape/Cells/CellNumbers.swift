import Glibc
import Groundwork
import Quantiles
import Tables

/// Numbers of the models that a column's fields name. Each reader has its own, which remembers fields by their bytes.
final class ModelNumbers {
  private let column: Int
  private let header: Header
  private let vocabulary: Vocabulary
  private var fields = ByteTable()
  private var numbers: [Int] = []
  private let last = ByteBuffer(capacity: 64)
  /// nil before the first row.
  private var lastNumber: Int?

  init(column: Int, header: Header, vocabulary: Vocabulary) {
    self.column = column
    self.header = header
    self.vocabulary = vocabulary
  }

  /// Throws where the name is not UTF-8: two such names could not be told apart.
  @inline(__always)
  func number(_ row: Row) throws -> Int {
    let raw = row.raw(column)
    if let lastNumber, raw.count == last.count, memcmp(raw.baseAddress!, last.base, raw.count) == 0 { return lastNumber }
    return try find(row, raw)
  }

  private func find(_ row: Row, _ raw: UnsafeBufferPointer<UInt8>) throws -> Int {
    let number = try fields.find(raw).map { numbers[$0] } ?? add(row, raw)
    lastNumber = number
    last.removeAll()
    last.append(raw)
    return number
  }

  private func add(_ row: Row, _ raw: UnsafeBufferPointer<UInt8>) throws -> Int {
    let isNull = row.format == .ndjson && raw.elementsEqual("null".utf8)
    guard let name = isNull ? "" : row.withContent(column, { String(validating: $0, as: UTF8.self) }) else {
      throw Failure(.badData, "\"\(printable(row.text(column)))\" is not UTF-8", at: .init(column: header.names[column]))
    }
    _ = try fields.add(raw)
    numbers.append(vocabulary.model(name))
    return numbers[numbers.count - 1]
  }
}

/// Numbers of the levels that texts of a column tell, likewise.
final class LevelNumbers {
  private let column: Int
  private let header: Header
  private let vocabulary: Vocabulary
  private var texts = ByteTable()
  private var numbers: [Int] = []
  private let reader = NumberReader()
  /// Numbers and names of members in JSON have a point in any case.
  private let jsonReader: NumberReader?

  /// With `isJSON` the levels are of JSON: of numbers, names of members, or strings.
  init(column: Int, header: Header, vocabulary: Vocabulary, isJSON: Bool = false) {
    self.column = column
    self.header = header
    self.vocabulary = vocabulary
    jsonReader = isJSON ? NumberReader(decimalMark: NumberNotation.point) : nil
  }

  /// The level of a field that was met before.
  @inline(__always)
  func known(_ text: UnsafeBufferPointer<UInt8>) -> Int? { texts.find(text).map { numbers[$0] } }

  @inline(__always)
  func number(_ text: UnsafeBufferPointer<UInt8>) throws -> Int { try known(text) ?? add(text) }

  /// A level that is left out, and one that is none, which is no fault where the model is left out.
  static let leftOut = -1
  static let none = -2

  /// What is wrong with a text that tells no level.
  func failure(_ text: UnsafeBufferPointer<UInt8>) -> Failure {
    let isNumber = if case .number = read(text) { true } else { false }
    let odd = isNumber ? nil : OddNumber(String(decoding: text, as: UTF8.self))
    let shown = "\"\(printable(String(decoding: text, as: UTF8.self)))\""
    return Failure(
      .badData,
      shown + (isNumber ? " is no quantile level, which is strictly between 0 and 1" : " is not a level" + (odd.map { ": it \($0.what)" } ?? "")),
      at: .init(column: header.names[column]),
      remedy: isNumber && isEnd(text) ? "choose levels with --levels" : levelOfPercent(text).map { "write \($0)" } ?? odd?.remedy)
  }

  /// What `25%` means as a level.
  private func levelOfPercent(_ text: UnsafeBufferPointer<UInt8>) -> String? {
    guard text.last == UInt8(ascii: "%"), case .number(let value) = read(UnsafeBufferPointer(rebasing: text.dropLast())), value > 0, value < 100
    else { return nil }
    return levelText(value / 100)
  }

  /// Whether it is 0 or 1, as some tables call the least and the largest value.
  private func isEnd(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    if case .number(let value) = read(text) { return value == 0 || value == 1 }
    return false
  }

  private func read(_ text: UnsafeBufferPointer<UInt8>) -> NumberReading {
    let reading = jsonReader?.read(text) ?? .notANumber
    return reading == .notANumber ? reader.read(text) : reading
  }

  private func add(_ text: UnsafeBufferPointer<UInt8>) throws -> Int {
    var number = LevelNumbers.none
    if case .number(let value) = read(text) {
      if value > 0, value < 1, Level(value).isProper {
        number = vocabulary.level(value)
      } else if vocabulary.onlyLevels != nil, isEnd(text) {
        number = LevelNumbers.leftOut
      }
    }
    // A column of something else than levels would fill the memory.
    if texts.count < 1 << 20, try texts.add(text).isNew { numbers.append(number) }
    return number
  }
}
