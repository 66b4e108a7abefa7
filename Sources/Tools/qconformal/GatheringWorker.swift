import Calibration
import FilterKit
import Groundwork
import Tables

/// Gathers the copies of each streamed row and answers it once. One worker takes all rows, in order.
final class GatheringWorker: RowWorker {
  let writer: CalibratingWorker
  private let plan: CalibratingWorker.Plan
  private let saved: SavedCopies
  private let held: Int
  private let by: [Int]
  /// Columns in which copies agree.
  private let shared: [Int]
  private let reader = NumberReader()
  private var first: KeptRow?
  private var copy = 0
  /// Of each group K × m quantiles.
  private var quantiles: [[Double]]

  init(_ plan: CalibratingWorker.Plan, _ saved: SavedCopies, held: Int, by: [Int], shared: [Int]) {
    self.plan = plan
    self.saved = saved
    self.held = held
    self.by = by
    self.shared = shared
    // It reads and writes rows; calibrations are told to it.
    writer = CalibratingWorker(plan, .computed({ _, _, _ in }, skips: { _ in true }))
    quantiles = plan.groups.map { [Double](repeating: .nan, count: saved.folds.count * $0.levels.count) }
  }

  /// The copy that is to come next where the row's first has come.
  var missingCopy: Int? { copy > 0 ? saved.folds[copy] : nil }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    try check(row)
    try writer.read(row, counts: false)
    if copy == 0 { first = KeptRow(row) }
    var from = 0
    for (g, group) in plan.groups.enumerated() {
      for j in group.levels.indices { quantiles[g][copy * group.levels.count + j] = writer.quantiles[from + j] }
      from += group.levels.count
    }
    copy += 1
    guard copy == saved.folds.count, let kept = first else { return }
    copy = 0
    try writer.read(kept.row)
    let key = by.isEmpty ? nil : PartKey.joined(by.map { kept.row.text($0) })
    writer.answer(kept.row, output) { g, values in
      let fitted = key.flatMap { saved.groups[g].parts[$0] } ?? saved.groups[g].whole
      quantiles[g].withUnsafeBufferPointer { fitted.answer($0.baseAddress!, weight: writer.weight, into: values) }
    }
  }

  /// Whether the row is the copy that is to come, of the row that came before.
  private func check(_ row: Row) throws {
    let told = try row.finiteNumber(held, reader, plan.header)
    guard told == Double(saved.folds[copy]) else {
      let isTwice = copy > 0 && told == Double(saved.folds[copy - 1])
      throw Failure(
        .badData,
        isTwice
          ? "copy \(saved.folds[copy - 1]) of the row stands twice" : "copy \(saved.folds[copy]) of \(copy == 0 ? "a" : "the") row is missing here",
        at: .init(column: plan.header.names[held]),
        remedy: "the copies of a row stand together, one for each fold in increasing order, as qfit --load writes them")
    }
    guard copy > 0, let kept = first?.row else { return }
    for column in shared where !row.raw(column).elementsEqual(kept.raw(column)) {
      throw Failure(.badData, "copies of one row differ", at: .init(column: plan.header.names[column]), remedy: "only held and quantiles may")
    }
  }
}
