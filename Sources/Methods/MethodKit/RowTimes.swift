import Groundwork

/// Where rows stand in time, and which of them teach which.
///
/// Rows of one time are one step. A row teaches rows of the steps from the one on at which its truth is out, never its own, until it is
/// forgotten: what answers a row at step s has learnt from {i : known_i ≤ s, steps_i ≥ oldest_s} (Dawid 1984, "Present position and potential
/// developments: the prequential approach").
public struct RowTimes: Sendable {
  /// Of each row: how many distinct earlier times the table has.
  public let steps: [Int]
  /// Of each row: the first step that it teaches, later than its own.
  public let known: [Int]
  /// Of each step, and of the one after the last: the first step that is not forgotten; nil where nothing is.
  private let oldest: [Int]?

  public init(steps: [Int], known: [Int]? = nil, oldest: [Int]? = nil) {
    self.steps = steps
    self.known = known ?? steps.map { $0 + 1 }
    self.oldest = oldest
  }

  /// Whether a row teaches what answers rows of a step.
  public func teaches(_ row: Int, at step: Int) -> Bool { known[row] <= step && steps[row] >= (oldest?[step] ?? 0) }

  /// Whether it stands too far back at a step.
  public func isForgotten(_ row: Int, at step: Int) -> Bool { forgets(steps[row], at: step) }

  /// Whether rows of an earlier step are forgotten at another.
  public func forgets(_ earlier: Int, at step: Int) -> Bool { earlier < (oldest?[step] ?? 0) }

  /// Some of the rows, in the order given.
  public func selecting(_ rows: [Int]) -> RowTimes { RowTimes(steps: rows.map { steps[$0] }, known: rows.map { known[$0] }, oldest: oldest) }

  /// Consecutive blocks of some rows' times, as nearly equal in rows as whole times allow, and no more than there are times: the first step of
  /// each, increasing.
  ///
  /// Cost O(n log n).
  public func blocks(_ count: Int, of rows: [Int]) -> [Int] {
    let sorted = rows.map { steps[$0] }.sorted()
    let times = Set(sorted).sorted()
    let before = times.map { time in partitionPoint(0..<sorted.count) { sorted[$0] >= time } }
    let count = min(count, times.count)
    var places: [Int] = []
    for k in 0..<count {
      let aim = Double(sorted.count) * Double(k) / Double(count)
      // As many times are left as blocks.
      let range = (places.last ?? -1) + 1...times.count - (count - k)
      places.append(k == 0 ? 0 : range.min { abs(Double(before[$0]) - aim) < abs(Double(before[$1]) - aim) }!)
    }
    return places.map { times[$0] }
  }

  /// The splits of some rows by blocks of time: a block's rows are judged by what those teach that were known before it began. Blocks that
  /// nothing teaches are left out.
  public func splits(_ count: Int, of rows: [Int]) -> [RowSplit] {
    let starts = blocks(count, of: rows)
    return starts.indices.compactMap { k in
      let end = k + 1 < starts.count ? starts[k + 1] : .max
      let teaching = rows.filter { known[$0] <= starts[k] }
      let judged = rows.filter { steps[$0] >= starts[k] && steps[$0] < end }
      return teaching.isEmpty || judged.isEmpty ? nil : RowSplit(teaching: teaching, judged: judged)
    }
  }

  /// The last times, with about a share of the rows, judged by what was known before them; nil where nothing was.
  public func lastSplit(share: Double, of rows: [Int]) -> RowSplit? {
    let times = Set(rows.map { steps[$0] }).sorted()
    let sorted = rows.map { steps[$0] }.sorted()
    let aim = Double(sorted.count) * (1 - share)
    // The first time that leaves about the share behind it, and something before it.
    let starts = times.dropFirst().sorted { a, b in
      func distance(_ step: Int) -> Double { abs(Double(partitionPoint(0..<sorted.count) { sorted[$0] >= step }) - aim) }
      let (x, y) = (distance(a), distance(b))
      return x != y ? x < y : a < b
    }
    for start in starts {
      let teaching = rows.filter { known[$0] <= start }
      if !teaching.isEmpty { return RowSplit(teaching: teaching, judged: rows.filter { steps[$0] >= start }) }
    }
    return nil
  }
}

/// Rows that are judged, and those that teach what judges them.
public struct RowSplit: Sendable {
  public let teaching: [Int]
  public let judged: [Int]

  public init(teaching: [Int], judged: [Int]) {
    self.teaching = teaching
    self.judged = judged
  }

  /// For each fold, its rows and all others.
  public static func folds(_ folds: [Int]) -> [RowSplit] {
    Set(folds).sorted().map { fold in
      RowSplit(teaching: folds.indices.filter { folds[$0] != fold }, judged: folds.indices.filter { folds[$0] == fold })
    }
  }
}
