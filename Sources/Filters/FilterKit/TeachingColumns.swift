import Groundwork
import Tables

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

  /// A column of row weights: those of labelled rows not all zero.
  public func rowWeights(_ held: StoredTable, _ column: Int, of labelled: [Int]) throws -> [Double] {
    let weights = held.numbers(column)
    guard labelled.contains(where: { weights[$0] > 0 }) else { throw failure("all weights are zero", column: held.header.names[column]) }
    return weights
  }

  /// Warns of fields of streamed rows whose category the model has not seen.
  public func warnOfUnseen(_ fields: Int) {
    guard fields > 0 else { return }
    diagnostics.warn("\(counted(fields, "field holds a category", "fields hold categories")) the model has not seen, taken as missing")
  }

  /// Warns of feature columns in which most fields are numbers and few make all of them categories: a missing value in words, or a slip.
  /// Before the table forgets the numbers.
  public func warnOfStrayTexts(_ held: StoredTable, _ columns: [Int]) {
    for column in columns {
      guard let stray = held.nonNumbers(column) else { continue }
      let numbers = held.numbers(column).reduce(0) { $0 + ($1.isNaN ? 0 : 1) }
      let cause = "\(stray.place)\"\(printable(stray.text))\" is not a number, so the feature holds categories"
      if numbers <= stray.count {
        diagnostics.note(cause)
      } else {
        diagnostics.warn("\(cause), though \(numbers) of its \(numbers + stray.count) fields are numbers; a missing value is NA or empty")
      }
    }
  }

  /// The fold of every labelled row for cross-fitting, −1 for the others: those given; rows without a given fold were
  /// predicted together and are one fold more; with fewer than two folds given, up to five are drawn.
  public func crossFittingFolds(_ labelled: [Int], given: [Double]?, rows: Int, seed: UInt64) throws -> [Int] {
    if let given {
      var foldOfRow = [Int](repeating: -1, count: rows)
      let extra = (given.filter { !$0.isNaN }.max() ?? -1) + 1
      for row in labelled { foldOfRow[row] = Int(given[row].isNaN ? extra : given[row]) }
      if Set(foldOfRow.filter { $0 >= 0 }).count >= 2 { return foldOfRow }
    }
    guard let drawn = drawFolds(min(5, max(2, labelled.count)), labelled: labelled, rows: rows, seed: seed) else {
      throw failure("1 labelled row cannot be answered by what others teach", remedy: "label more rows, or use --new-only")
    }
    return drawn
  }
}
