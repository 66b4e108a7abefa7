import Glibc
import Tables

/// One quantile a row.
final class LongCellReader: CellReader {
  private let columns: LongShape.Columns
  private let levels: LevelNumbers
  /// nil where no column names the model, but the file or nothing does.
  private let models: ModelNumbers?
  private var fileModel = -1
  /// Rows of each other output type.
  private(set) var otherTypes: [String: Int] = [:]

  init(columns: LongShape.Columns, header: Header, vocabulary: Vocabulary, writer: FieldWriter) {
    self.columns = columns
    levels = LevelNumbers(column: columns.level, header: header, vocabulary: vocabulary, isJSON: writer.input == .ndjson)
    models = columns.model.map { ModelNumbers(column: $0, header: header, vocabulary: vocabulary) }
    super.init(header: header, vocabulary: vocabulary, writer: writer)
  }

  override func begin(input: String) {
    if models == nil { fileModel = vocabulary.model(columns.filesNameModels ? LongShape.model(ofFile: input) ?? "" : "") }
  }

  override func read(_ row: Row) throws -> Bool {
    start()
    if let column = columns.outputType, !isQuantile(row, column) { return false }
    guard let level = try levels.known(row.raw(columns.level)) ?? newLevel(row) else {
      blank += 1
      return true
    }
    let model = try models?.number(row) ?? fileModel
    if level == LevelNumbers.none, model >= 0 { throw row.withContent(columns.level) { levels.failure($0) } }
    try take(row, columns.value, model: model, level: level)
    return true
  }

  /// nil where neither a level nor a value is there.
  private func newLevel(_ row: Row) throws -> Int? {
    if row.number(columns.level, numbers) == .missing, row.number(columns.value, numbers) == .missing { return nil }
    return try row.withContent(columns.level) { try levels.number($0) }
  }

  private func isQuantile(_ row: Row, _ column: Int) -> Bool {
    row.withContent(column) { content in
      if content.count == 8, memcmp(content.baseAddress!, "quantile", 8) == 0 { return true }
      otherTypes[String(decoding: content, as: UTF8.self), default: 0] += 1
      return false
    }
  }
}
