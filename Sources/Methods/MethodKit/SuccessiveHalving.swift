/// Chooses among trials by their losses on held-out folds.
///
/// Successive halving over the folds (Jamieson and Talwalkar 2016, "Non-stochastic best arm identification"): all trials are judged on the
/// first fold, the better half of them on the second too, and so on, until one is left or every fold was held out. Trial 0 is what was
/// asked for. It stays to the end, and another replaces it only where the mean difference of their losses on the same rows is over one
/// standard error: the least of many noisy losses flatters itself (Breiman, Friedman, Olshen, Stone 1984, section 3.4.3).
public struct SuccessiveHalving {
  /// The loss and the weight of each row that was held out.
  public typealias Losses = [(loss: Double, weight: Double)]

  public struct Trial {
    public let number: Int
    public fileprivate(set) var rows: Losses = []
    public fileprivate(set) var hasFailed = false

    public init(number: Int) { self.number = number }

    /// Adds the rows of one more fold; nil where the trial could not be fitted.
    public mutating func add(_ losses: Losses?) {
      if let losses { rows += losses } else { hasFailed = true }
    }

    /// The weighted mean loss of the rows held out so far.
    public var score: Double {
      if hasFailed { return .infinity }
      let total = rows.reduce(0) { $0 + $1.weight }
      return rows.reduce(0) { $0 + $1.weight / total * $1.loss }
    }

    /// The mean loss by which this trial is better than another on the same rows, and its standard error.
    public func gain(over other: Trial) -> (mean: Double, error: Double) {
      let n = Double(rows.count)
      let total = rows.reduce(0) { $0 + $1.weight }
      let gains = zip(other.rows, rows).map { n * $1.weight / total * ($0.loss - $1.loss) }
      let mean = gains.reduce(0, +) / n
      let squares = gains.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      return (mean, n > 1 ? (squares / (n * (n - 1))).squareRoot() : .infinity)
    }
  }

  /// The number of the chosen trial. `judge` gives the losses of some trials on a fold, nil for one that cannot be fitted; `tell` hears
  /// of the trials after each fold, the best first.
  public static func choose(
    _ count: Int, folds: [Int], judge: (_ trials: [Int], _ fold: Int) throws -> [Losses?], tell: ([Trial]) -> Void = { _ in }
  ) rethrows -> Int {
    var alive = (0..<count).map { Trial(number: $0) }
    for fold in folds where alive.count > 1 {
      for (k, losses) in try judge(alive.map(\.number), fold).enumerated() {
        alive[k].add(losses)
      }
      alive.sort { ($0.score, $0.number) < ($1.score, $1.number) }
      tell(alive)
      let asked = alive.first { $0.number == 0 }!
      alive.removeLast(alive.count / 2)
      if !alive.contains(where: { $0.number == 0 }) { alive.append(asked) }
    }
    let asked = alive.first { $0.number == 0 }!
    guard alive[0].number != 0, !alive[0].hasFailed else { return 0 }
    let gain = alive[0].gain(over: asked)
    return asked.hasFailed || gain.mean > gain.error ? alive[0].number : 0
  }
}
