import Glibc
import Groundwork
import Quantiles
import Tables

/// Finds the quantiles that one row holds. Each worker has a reader of its own.
class CellReader {
  /// A quantile: numbers of its model and level, and its text, as the output writes it, in the reader's `text`.
  struct Cell {
    var model: Int
    var level: Int
    var start: Int
    var count: Int
    var isMissing: Bool
  }

  let header: Header
  let vocabulary: Vocabulary
  let writer: FieldWriter
  let text = ByteBuffer(capacity: 1 << 10)
  var cells: [Cell] = []
  /// The model of a unit that has no quantiles, which a row of their own says.
  final var emptyModel: Int?
  /// Quantiles of models and levels that were not asked for, and those that were.
  private(set) var leftOut = 0
  private(set) var taken = 0
  /// Rows without a level and a value.
  fileprivate(set) var blank = 0
  fileprivate let numbers = NumberReader()

  init(header: Header, vocabulary: Vocabulary, writer: FieldWriter) {
    self.header = header
    self.vocabulary = vocabulary
    self.writer = writer
  }

  /// Turns to rows of another file.
  func begin(input: String) {}

  /// Reads a row into `cells`. False for a row that is not of quantiles. Throws for a level or a value that is none.
  func read(_ row: Row) throws -> Bool { fatalError("a reader reads") }

  final func start() {
    cells.removeAll(keepingCapacity: true)
    text.removeAll()
  }

  /// Takes the value of one quantile from a column.
  @inline(__always)
  final func take(_ row: Row, _ column: Int, model: Int, level: Int) throws {
    let reading = row.number(column, numbers)
    switch reading {
    case .number, .missing, .infinite: break
    default: throw numberFailure(reading, row, column, header)
    }
    if model < 0 || level < 0 { return leftOut += 1 }
    let start = text.count
    writer.append(row, column, into: text)
    taken += 1
    cells.append(Cell(model: model, level: level, start: start, count: text.count - start, isMissing: reading == .missing))
  }

  /// The bytes between the quotes of a JSON string; a number or a word itself.
  static func content(json raw: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
    raw.count >= 2 && raw[0] == 0x22 ? UnsafeBufferPointer(rebasing: raw[1..<(raw.count - 1)]) : raw
  }

  /// Takes the value of one quantile from the bytes of a JSON value; false where it is no number.
  final func take(json raw: UnsafeBufferPointer<UInt8>, model: Int, level: Int) -> Bool {
    let reading = numbers.read(CellReader.content(json: raw))
    switch reading {
    case .number, .missing, .infinite: break
    default: return false
    }
    if model < 0 || level < 0 {
      leftOut += 1
      return true
    }
    let start = text.count
    writer.append(raw: raw, into: text)
    taken += 1
    cells.append(Cell(model: model, level: level, start: start, count: text.count - start, isMissing: reading == .missing))
    return true
  }

  /// What a field says as a level.
  final func level(_ content: UnsafeBufferPointer<UInt8>, _ column: Int) throws -> Int {
    guard case .number(let value) = numbers.read(content) else {
      throw Failure(.badData, "\"\(printable(String(decoding: content, as: UTF8.self)))\" is not a level", at: .init(column: header.names[column]))
    }
    guard value > 0, value < 1, (1..<1_000_000_000).contains(Levels.key(value)) else {
      throw Failure(.badData, "\"\(printable(String(decoding: content, as: UTF8.self)))\" is no quantile level, which is strictly between 0 and 1", at: .init(column: header.names[column]))
    }
    return vocabulary.level(value)
  }
}

/// Quantiles in columns.
final class ColumnCellReader: CellReader {
  private let places: [(column: Int, model: Int, level: Int)]

  init(groups: [QuantileGroup], header: Header, vocabulary: Vocabulary, writer: FieldWriter) {
    places = groups.flatMap { group -> [(Int, Int, Int)] in
      let model = vocabulary.model(group.name)
      return zip(group.columns, group.levels).map { ($0, model, vocabulary.level($1)) }
    }.filter { $0.1 >= 0 && $0.2 >= 0 }
    super.init(header: header, vocabulary: vocabulary, writer: writer)
  }

  override func read(_ row: Row) throws -> Bool {
    start()
    for place in places { try take(row, place.column, model: place.model, level: place.level) }
    return true
  }
}

/// One quantile a row.
final class LongCellReader: CellReader {
  private let columns: LongShape.Columns
  private var models = ByteTable()
  private var modelNumbers: [Int] = []
  private let lastModel = ByteBuffer(capacity: 64)
  /// nil before the first row.
  private var lastModelNumber: Int?
  private var levels = ByteTable()
  private var levelNumbers: [Int] = []
  /// Rows of each other output type.
  private(set) var otherTypes: [String: Int] = [:]

  init(columns: LongShape.Columns, header: Header, vocabulary: Vocabulary, writer: FieldWriter) {
    self.columns = columns
    lastModelNumber = columns.model == nil && !columns.filesNameModels ? vocabulary.model("") : nil
    super.init(header: header, vocabulary: vocabulary, writer: writer)
  }

  override func begin(input: String) {
    if columns.filesNameModels { lastModelNumber = vocabulary.model(LongShape.model(ofFile: input) ?? "") }
  }

  override func read(_ row: Row) throws -> Bool {
    start()
    if let column = columns.outputType, !isQuantile(row, column) { return false }
    guard let level = try level(row) else {
      blank += 1
      return true
    }
    if let column = columns.model {
      let raw = row.raw(column)
      if lastModelNumber == nil || raw.count != lastModel.count || memcmp(raw.baseAddress!, lastModel.base, raw.count) != 0 { try findModel(row, column) }
    }
    try take(row, columns.value, model: lastModelNumber!, level: level)
    return true
  }

  private func isQuantile(_ row: Row, _ column: Int) -> Bool {
    row.withContent(column) { content in
      if content.count == 8, memcmp(content.baseAddress!, "quantile", 8) == 0 { return true }
      otherTypes[String(decoding: content, as: UTF8.self), default: 0] += 1
      return false
    }
  }

  /// nil where neither a level nor a value is there.
  @inline(__always)
  private func level(_ row: Row) throws -> Int? {
    if let number = levels.find(row.raw(columns.level)) { return levelNumbers[number] }
    if row.number(columns.level, numbers) == .missing, row.number(columns.value, numbers) == .missing { return nil }
    let level = try row.withContent(columns.level) { content in try self.level(content, columns.level) }
    // A column of something else than levels would fill the memory.
    if levels.count < 1 << 20, try levels.add(row.raw(columns.level)).isNew { levelNumbers.append(level) }
    return level
  }

  private func findModel(_ row: Row, _ column: Int) throws {
    let raw = row.raw(column)
    if let number = models.find(raw) { lastModelNumber = modelNumbers[number] } else { try addModel(row, column) }
    lastModel.removeAll()
    lastModel.append(raw)
  }

  private func addModel(_ row: Row, _ column: Int) throws {
    let raw = row.raw(column)
    let isNull = row.format == .ndjson && raw.elementsEqual("null".utf8)
    guard let name = isNull ? "" : row.withContent(column, { String(validating: $0, as: UTF8.self) }) else {
      throw Failure(.badData, "\"\(printable(row.text(column)))\" is not UTF-8", at: .init(column: header.names[column]))
    }
    lastModelNumber = vocabulary.model(name)
    if try models.add(raw).isNew { modelNumbers.append(lastModelNumber!) }
  }
}

/// The quantiles of one model a row, nested.
final class NestedCellReader: CellReader {
  private let columns: NestedShape.Columns

  init(columns: NestedShape.Columns, header: Header, vocabulary: Vocabulary, writer: FieldWriter) {
    self.columns = columns
    super.init(header: header, vocabulary: vocabulary, writer: writer)
  }

  override func read(_ row: Row) throws -> Bool {
    start()
    let model = vocabulary.model(columns.model.flatMap { isMissing(row.raw($0)) ? nil : row.text($0) } ?? "")
    if let levels = columns.levels { try readArrays(row, levels, model) } else { try readObject(row, model) }
    emptyModel = cells.isEmpty && model >= 0 ? model : nil
    for (i, cell) in cells.enumerated() where cells[..<i].contains(where: { $0.level == cell.level }) {
      throw failure("the level \(levelText(vocabulary.levels[cell.level])) stands twice")
    }
    return true
  }

  private func isMissing(_ raw: UnsafeBufferPointer<UInt8>) -> Bool { raw.count == 0 || raw.elementsEqual("null".utf8) }

  private func failure(_ cause: String, _ column: Int? = nil) -> Failure {
    Failure(.badData, cause, at: .init(column: header.names[column ?? columns.values]))
  }

  private func notANumber(_ raw: UnsafeBufferPointer<UInt8>) -> Failure {
    failure("\"\(printable(String(decoding: CellReader.content(json: raw), as: UTF8.self)))\" is not a number")
  }

  private func readObject(_ row: Row, _ model: Int) throws {
    let raw = row.raw(columns.values)
    if isMissing(raw) { return }
    var fault: Failure?
    let syntax = JSONMembers.ofObject(raw) { key, value in
      do {
        if take(json: value, model: model, level: try level(key, columns.values)) { return nil }
        fault = notANumber(value)
      } catch { fault = error as? Failure }
      return ""
    }
    if let fault { throw fault }
    if let syntax { throw failure(syntax) }
  }

  private func readArrays(_ row: Row, _ levelColumn: Int, _ model: Int) throws {
    if isMissing(row.raw(levelColumn)), isMissing(row.raw(columns.values)) { return }
    guard let levels = JSONMembers.ofArray(row.raw(levelColumn)) else { throw failure("not an array", levelColumn) }
    guard let values = JSONMembers.ofArray(row.raw(columns.values)) else { throw failure("not an array") }
    guard levels.count == values.count else { throw failure("\(values.count) values for \(levels.count) levels") }
    for (level, value) in zip(levels, values) {
      guard take(json: value, model: model, level: try self.level(CellReader.content(json: level), levelColumn)) else { throw notANumber(value) }
    }
  }
}
