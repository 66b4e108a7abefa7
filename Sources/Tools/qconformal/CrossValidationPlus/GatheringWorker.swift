import Calibration
import FilterKit
import Groundwork
import Tables

/// Gathers the copies of each streamed row and answers it once. One worker takes all rows, in order.
final class GatheringWorker: RowWorker, CalibratingWorker {
  let row: CalibratedRow
  private let saved: SavedCopies
  private let copyColumn: Int
  private let ofKeys: KeyLookup<[(any FittedCopyCalibrator)?]>?
  /// Columns in which copies agree.
  private let shared: [Int]
  private let reader = NumberReader()
  private var first: KeptRow?
  private var copy = 0
  /// Of each group K × m quantiles.
  private var quantiles: [[Double]]

  init(_ plan: AnswerPlan, _ saved: SavedCopies, copy copyColumn: Int, by: [Int], shared: [Int]) throws {
    row = CalibratedRow(plan)
    self.saved = saved
    self.copyColumn = copyColumn
    let keys = Set(saved.groups.flatMap { $0.byKey.keys })
    ofKeys = by.isEmpty ? nil : try KeyLookup(keys.map { key in (key, saved.groups.map { $0.byKey[key] }) }, columns: by)
    self.shared = shared
    quantiles = plan.groups.map { [Double](repeating: .nan, count: saved.folds.count * $0.levels.count) }
  }

  /// The copy that is to come next where the row's first has come.
  var missingCopy: Int? { copy > 0 ? saved.folds[copy] : nil }

  override func handle(_ next: Row, into output: ByteBuffer) throws {
    try check(next)
    try row.read(next, countsCrossing: false)
    if copy == 0 { first = KeptRow(next) }
    for g in quantiles.indices {
      let given = row.quantiles.given(g)
      quantiles[g].replaceSubrange(copy * given.count..<(copy + 1) * given.count, with: given)
    }
    copy += 1
    guard copy == saved.folds.count, let kept = first else { return }
    copy = 0
    try row.read(kept.row)
    let own = try ofKeys?.find(kept.row)
    for g in quantiles.indices {
      let fitted = own?[g] ?? saved.groups[g].whole
      quantiles[g].withUnsafeBufferPointer { fitted.answer($0.baseAddress!, weight: row.weight, into: row.quantiles.values(g)) }
    }
    row.write(kept.row, into: output, keepsTexts: false)
  }

  /// Whether the row is the copy that is to come, of the row that came before.
  private func check(_ next: Row) throws {
    let told = try next.finiteNumber(copyColumn, reader, row.plan.header)
    guard told == Double(saved.folds[copy]) else {
      let isTwice = copy > 0 && told == Double(saved.folds[copy - 1])
      throw Failure(
        .badData,
        isTwice
          ? "copy \(saved.folds[copy - 1]) of the row stands twice" : "copy \(saved.folds[copy]) of \(copy == 0 ? "a" : "the") row is missing here",
        at: .init(column: row.plan.header.names[copyColumn]),
        remedy: "the copies of a row stand together, one for each fold in increasing order, as qfit --load writes them")
    }
    guard copy > 0, let kept = first?.row else { return }
    for column in shared where !next.raw(column).elementsEqual(kept.raw(column)) {
      throw Failure(.badData, "copies of one row differ", at: .init(column: row.plan.header.names[column]), remedy: "only held and quantiles may")
    }
  }
}
