import Groundwork
import Tables

/// Which columns hold dates, and whether rows of one part share a date there: such rows are hardly independent.
///
/// A column holds dates where every field of it that is not missing is one, and no number. What is found does not depend on how the input is split.
public struct SharedDates {
  private struct Column {
    /// Of the part and the date of each row.
    var keys = KeyTable()
    /// Of each key, whether its date is missing.
    var isMissing: [Bool] = []
    var rows = 0
    var holdsOther = false
    var isShared = false
  }

  private let columns: [Int]
  /// The columns that tell parts apart.
  private let by: [Int]
  private var found: [Column]
  private let numbers = NumberReader()

  /// `columns` are those that may hold dates.
  public init(_ columns: [Int], by: [Int]) {
    (self.columns, self.by) = (columns, by)
    found = columns.map { _ in Column() }
  }

  public mutating func read(_ row: Row, block: Int) throws {
    for (c, column) in columns.enumerated() where !found[c].holdsOther {
      let key = try found[c].keys.number(of: row, by + [column], block: block)
      if key == found[c].isMissing.count {
        switch row.withContent(column, { Moment.read($0, numbers) }) {
        case .missing: found[c].isMissing.append(true)
        case .moment(let moment) where moment.isDate: found[c].isMissing.append(false)
        case .dayOrMonthFirst: found[c].isMissing.append(false)
        case .moment, .other:
          found[c] = Column()
          found[c].holdsOther = true
          continue
        }
      }
      if !found[c].isMissing[key] { found[c].rows += 1 }
    }
  }

  /// Takes over what was found in the rows that follow.
  public mutating func append(_ next: SharedDates) throws {
    for c in columns.indices where !found[c].holdsOther {
      if next.found[c].holdsOther {
        found[c] = Column()
        found[c].holdsOther = true
      } else if !found[c].isShared {
        for (number, isMissing) in zip(try found[c].keys.merge(next.found[c].keys), next.found[c].isMissing)
        where number == found[c].isMissing.count { found[c].isMissing.append(isMissing) }
        found[c].rows += next.found[c].rows
        found[c].isShared = found[c].rows > found[c].isMissing.count { !$0 }
        // What is known needs no more memory.
        if found[c].isShared { (found[c].keys, found[c].isMissing) = (KeyTable(), []) }
      }
    }
  }

  /// The same columns, and nothing found but which of them hold no dates.
  public var emptied: SharedDates {
    var dates = SharedDates(columns, by: by)
    for c in columns.indices { dates.found[c].holdsOther = found[c].holdsOther }
    return dates
  }

  /// Whether no column holds dates.
  var isHopeless: Bool { found.allSatisfy(\.holdsOther) }

  /// The columns in which rows share a date.
  public var shared: [Int] { columns.indices.filter { !found[$0].holdsOther && found[$0].isShared }.map { columns[$0] } }
}

extension FilterSession {
  /// Says once that rows share dates or times where folds are drawn at random: rows of one date then teach each other's targets.
  ///
  /// Looks at the first ten thousand rows of the columns that have no role.
  public func warnOfSharedDates(_ table: StoredTable, roles: [Int?], doing what: String) {
    let header = table.header
    let quantiles = Set(header.quantileNames(input: inputName).columns)
    let owned = Set(roles.compactMap { $0 } + ["fold", "held"].compactMap { header.index(of: $0) })
    var dates = SharedDates((0..<header.count).filter { !quantiles.contains($0) && !owned.contains($0) }, by: [])
    let worker = DateWorker(dates)
    // The worker ends the reading early by an error of its own.
    try? table.readAgain([worker])
    try? dates.append(worker.dates)
    guard let column = dates.shared.first.map({ header.names[$0] }) else { return }
    diagnostics.warn(
      "rows share times in the column \(column), and \(what): rows of one time teach each other, and scores flatter; "
        + "--order learns from earlier times alone")
  }
}

private final class DateWorker: RowWorker {
  private(set) var dates: SharedDates
  private var rows = 0

  private struct Enough: Error {}

  init(_ dates: SharedDates) { self.dates = dates }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    try dates.read(row, block: 0)
    rows += 1
    if rows == 10_000 || dates.isHopeless { throw Enough() }
  }
}
