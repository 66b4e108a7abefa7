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
  final var blank = 0
  final let numbers = NumberReader()

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
    if model < 0 || level < 0 { return leftOut += 1 }
    let reading = row.number(column, numbers)
    switch reading {
    case .number, .missing, .infinite: break
    default: throw numberFailure(reading, row, column, header)
    }
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
    if model < 0 || level < 0 {
      leftOut += 1
      return true
    }
    let reading = numbers.read(json: raw)
    switch reading {
    case .number, .missing, .infinite: break
    default: return false
    }
    let start = text.count
    writer.append(raw: raw, into: text)
    taken += 1
    cells.append(Cell(model: model, level: level, start: start, count: text.count - start, isMissing: reading == .missing))
    return true
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
