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

  private func add(_ text: UnsafeBufferPointer<UInt8>) throws -> Int {
    func failure(_ cause: String, _ remedy: String? = nil) -> Failure {
      Failure(
        .badData, "\"\(printable(String(decoding: text, as: UTF8.self)))\" is \(cause)", at: .init(column: header.names[column]), remedy: remedy)
    }
    let reading = jsonReader?.read(text) ?? .notANumber
    guard case .number(let value) = reading == .notANumber ? reader.read(text) : reading else {
      let odd = OddNumber(String(decoding: text, as: UTF8.self))
      throw failure("not a level" + (odd.map { ": it \($0.what)" } ?? ""), odd?.remedy)
    }
    guard value > 0, value < 1, Level(value).isProper else {
      throw failure("no quantile level, which is strictly between 0 and 1")
    }
    let number = vocabulary.level(value)
    // A column of something else than levels would fill the memory.
    if texts.count < 1 << 20, try texts.add(text).isNew { numbers.append(number) }
    return number
  }
}
