import Tables

/// How rows are copied in a table for cross-conformal calibration (column held).
///
/// The copies of a row stand together, one for each fold in increasing order, copy ℓ with the predictions of models that did not see
/// fold ℓ. Rows of a fold k either stand once, as copy k, or are copied too, by models that saw neither ℓ nor k.
public struct RowCopies {
  /// Folds of the labelled rows, increasing: copies are told by them.
  public let folds: [Int]
  /// Whether rows of a fold are copied too.
  public let isNested: Bool
  /// Of each row before it was copied: the table's row where its copies begin.
  public let first: [Int]
  /// Of each row before it was copied: the position among `folds` of the one it is in, −1 for none.
  public let fold: [Int]
  /// Of every row of the table: its copy, as a position among `folds`.
  public let copyOfRow: [Int]
  /// Of every row of the table: the row that it copies, as a position in `first`.
  public let originalOfRow: [Int]

  /// Reads the copies of a stored table and checks that they are all there, together, and agree in target, fold and `shared` columns.
  /// Labelled rows without a fold count as rows that are to be answered.
  public init(_ table: StoredTable, target: Int, fold foldColumn: Int?, held heldColumn: Int, shared: [Int] = [], _ session: FilterSession) throws {
    let names = table.header.names
    guard let foldColumn else {
      throw session.failure(
        "the table has a column held and none called fold, which says what models did not see", remedy: "make both with qfit --nested or --cv-plus")
    }
    if table.numbers(foldColumn).contains(where: { $0 < 0 }) {
      throw session.failure(
        "the folds are blocks of time, and copies of rows rest on rows that could have come in any order", column: names[foldColumn],
        remedy: "make the table with qfit --nested or --cv-plus")
    }
    let (targets, given, held) = (table.numbers(target), table.numbers(foldColumn), table.numbers(heldColumn))
    let labelled = targets.indices.filter { !targets[$0].isNaN && !given[$0].isNaN }
    guard !labelled.isEmpty else {
      let hasTarget = targets.contains { !$0.isNaN }
      throw session.failure(
        hasTarget ? "no labelled row has a fold" : "no labelled row: all \(table.rows) targets are missing",
        column: names[hasTarget ? foldColumn : target],
        remedy: "labelled rows, each with its fold, teach the others")
    }
    let folds = Set(labelled.map { Int(given[$0]) }).sorted()
    guard folds.count > 1 else {
      throw session.failure("the labelled rows stand in one fold", column: names[foldColumn], remedy: "cross-fitting takes two or more")
    }
    let position = Dictionary(uniqueKeysWithValues: folds.enumerated().map { ($1, $0) })
    copyOfRow = try held.indices.map { row in
      guard let copy = held[row].isNaN ? nil : position[Int(held[row])] else {
        throw session.failure(
          held[row].isNaN
            ? "row \(row + 1) does not say which copy it is"
            : "row \(row + 1) is copy \(Int(held[row])), and no labelled row is in fold \(Int(held[row]))",
          column: names[heldColumn], remedy: "make the table with qfit --nested or --cv-plus")
      }
      return copy
    }
    isNested = labelled.contains { given[$0] != held[$0] }
    self.folds = folds

    var (first, fold, original): ([Int], [Int], [Int]) = ([], [], [])
    let compared = [target, foldColumn] + shared
    let values = [targets, given] + shared.map { table.numbers($0) }
    var row = 0
    while row < table.rows {
      let own = targets[row].isNaN || given[row].isNaN ? -1 : position[Int(given[row])]!
      let count = own >= 0 && !isNested ? 1 : folds.count
      if count > 1 {
        for copy in folds.indices {
          if row + copy == table.rows || copyOfRow[row + copy] != copy {
            let isTwice = copy > 0 && row + copy < table.rows && copyOfRow[row + copy] == copy - 1
            throw session.failure(
              isTwice ? "copy \(folds[copy - 1]) of row \(row + 1) stands twice" : "copy \(folds[copy]) of row \(row + 1) is missing",
              column: names[heldColumn],
              remedy: "the copies of a row stand together, one for each fold in increasing order")
          }
          for (column, values) in zip(compared, values)
          where values[row].bitPattern != values[row + copy].bitPattern && !(values[row] == values[row + copy]) {
            throw session.failure(
              "rows \(row + 1) and \(row + copy + 1) are copies of one row and differ", column: names[column], remedy: "only held and quantiles may")
          }
        }
      }
      original += [Int](repeating: first.count, count: count)
      first.append(row)
      fold.append(own)
      row += count
    }
    (self.first, self.fold, originalOfRow) = (first, fold, original)
  }

  /// The table's row that is the copy of an original row without its own fold: what answers it where nothing was aggregated.
  public func ownRow(_ original: Int) -> Int { first[original] + (isNested ? max(0, fold[original]) : 0) }

  /// Whether a row of the table is the copy without its own fold of a labelled row.
  public func isOwn(_ row: Int) -> Bool {
    let own = fold[originalOfRow[row]]
    return own >= 0 && own == copyOfRow[row]
  }
}

extension FilterSession {
  /// Refuses tables in which a row stands several times (column held): methods that take each row once would count it K times.
  public func refuseCopies(_ header: Header) throws {
    guard header.index(of: "held") != nil else { return }
    throw failure(
      "the rows are copies for cross-conformal calibration, which this method does not take", column: "held",
      remedy: "use --method cv+, or a table without the column")
  }

  /// The column that tells which copy of its row a row is.
  public func heldColumn(_ header: Header) throws -> Int {
    if let held = header.index(of: "held") { return held }
    throw failure(
      "there is no column held, which tells the copies of a row for cross-conformal calibration",
      remedy: "make the table with qfit --cv-plus, or with --nested where qaggregate is to learn")
  }
}
