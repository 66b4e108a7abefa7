import Groundwork
import Tables

/// The quantiles of one model a row, nested.
final class NestedCellReader: CellReader {
  private let columns: NestedShape.Columns
  private let levels: LevelNumbers
  private let models: ModelNumbers?
  private lazy var unnamed = vocabulary.model("")

  init(columns: NestedShape.Columns, header: Header, vocabulary: Vocabulary, writer: FieldWriter) {
    self.columns = columns
    levels = LevelNumbers(column: columns.levels ?? columns.values, header: header, vocabulary: vocabulary, isJSON: true)
    models = columns.model.map { ModelNumbers(column: $0, header: header, vocabulary: vocabulary) }
    super.init(header: header, vocabulary: vocabulary, writer: writer)
  }

  override func read(_ row: Row) throws -> Bool {
    start()
    let model = try models?.number(row) ?? unnamed
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

  /// The level that a text tells. Throws where it tells none and the model is asked for.
  private func level(_ text: UnsafeBufferPointer<UInt8>, _ model: Int) throws -> Int {
    let number = try levels.number(text)
    if number == LevelNumbers.none, model >= 0 { throw levels.failure(text) }
    return number
  }

  private func readObject(_ row: Row, _ model: Int) throws {
    let raw = row.raw(columns.values)
    if isMissing(raw) { return }
    var fault: Failure?
    let syntax = JSONMembers.ofObject(raw) { key, value in
      do {
        if take(json: value, model: model, level: try level(key, model)) { return nil }
        fault = notANumber(value)
      } catch { fault = error as? Failure }
      return ""
    }
    if let fault { throw fault }
    if let syntax { throw failure(syntax) }
  }

  private func readArrays(_ row: Row, _ levelColumn: Int, _ model: Int) throws {
    if isMissing(row.raw(levelColumn)), isMissing(row.raw(columns.values)) { return }
    guard let texts = JSONMembers.ofArray(row.raw(levelColumn)) else { throw failure("not an array", levelColumn) }
    guard let values = JSONMembers.ofArray(row.raw(columns.values)) else { throw failure("not an array") }
    guard texts.count == values.count else { throw failure("\(values.count) values for \(texts.count) levels") }
    for (text, value) in zip(texts, values) {
      guard take(json: value, model: model, level: try level(CellReader.content(json: text), model)) else { throw notANumber(value) }
    }
  }
}
