import Foundation
import Groundwork
import Testing

/// What qconformal.1 promises of coverage, through the binary: thousands of small tables, each a key of `--by`, so that one run tries them all.
/// The counts of tables that hold their new target are held against the binomial distribution: a test fails by chance once in a thousand times.
@Suite struct CalibrationPromiseTests {
  private static let tables = 3000
  private static func normal(_ random: inout RandomStream) -> Double {
    (-2 * log(1 - random.uniform())).squareRoot() * cos(2 * .pi * random.uniform())
  }

  /// A row of `key,t,w,y` and quantiles around 0; an empty `y` is to be answered, and its truth is kept aside.
  private struct Simulation {
    var lines: [String]
    var truths: [Double] = []

    init(levels: [Double]) { lines = ["key,t,w,y," + levels.map { "q\($0)" }.joined(separator: ",")] }
  }

  /// `n` labelled rows and a new one for each table.
  private func simulation(
    labelled n: Int, levels: [Double], seed: UInt64, _ draw: (inout RandomStream, _ isNew: Bool, _ i: Int) -> (weight: Double, target: Double)
  ) -> Simulation {
    var random = RandomStream(seed: seed)
    var simulation = Simulation(levels: levels)
    // Quantiles that are too narrow and off centre: calibration has to do the work.
    let quantiles = levels.map { text($0 - 0.35) }.joined(separator: ",")
    for table in 0..<CalibrationPromiseTests.tables {
      for i in 0...n {
        let row = draw(&random, i == n, i)
        if i == n { simulation.truths.append(row.target) }
        simulation.lines.append("\(table),\(i),\(text(row.weight)),\(i == n ? "" : text(row.target)),\(quantiles)")
      }
    }
    return simulation
  }

  private func text(_ value: Double) -> String { "\((value * 1e6).rounded() / 1e6)" }

  /// The answers to the new rows, a column a level.
  private func answers(_ simulation: Simulation, _ flags: String, _ shell: Shell) throws -> [[Double]] {
    try Data((simulation.lines.joined(separator: "\n") + "\n").utf8).write(to: shell.folder.appendingPathComponent("t.csv"))
    let result = try shell.run("qconformal -q --target y --by key --new-only \(flags) t.csv | cut -d, -f5-")
    #expect(result.error == "")
    let rows = result.text.split(separator: "\n").dropFirst().map { $0.split(separator: ",").map { Double($0)! } }
    #expect(rows.count == CalibrationPromiseTests.tables)
    return rows
  }

  /// log P(X = k) of a binomial count.
  private func logProbability(_ k: Int, of n: Int, _ p: Double) -> Double {
    lgamma(Double(n + 1)) - lgamma(Double(k + 1)) - lgamma(Double(n - k + 1)) + Double(k) * log(p) + Double(n - k) * log(1 - p)
  }

  /// Whether so few of all tables, or fewer, come once in a thousand times or more often where each holds with probability `share`.
  private func isNotTooFew(_ count: Int, share: Double) -> Bool {
    (0...count).reduce(0) { $0 + exp(logProbability($1, of: CalibrationPromiseTests.tables, share)) } > 0.001
  }
  private func isNotTooMany(_ count: Int, share: Double) -> Bool {
    (count...CalibrationPromiseTests.tables).reduce(0) { $0 + exp(logProbability($1, of: CalibrationPromiseTests.tables, share)) } > 0.001
  }

  /// Coverage is between 1 − α and 1 − α + 1/(n + 1) for what comes after the median of continuous targets; here exactly 16/20 and 18/20.
  @Test(arguments: ["cqr", "cqr-m", "residual", "asymmetric", "distributional"])
  func intervalsCoverAtTheirLevel(_ method: String) throws {
    let shell = try Shell()
    defer { shell.remove() }
    let found = simulation(labelled: 19, levels: [0.1, 0.5, 0.9], seed: 1) { random, _, _ in (1, CalibrationPromiseTests.normal(&random)) }
    let rows = try answers(found, "-m \(method)", shell)
    let covered = zip(rows, found.truths).count { $0[0] <= $1 && $1 <= $0[2] }
    #expect(isNotTooFew(covered, share: 0.8), "\(covered)")
    #expect(isNotTooMany(covered, share: 0.8 + (method == "cqr" || method == "cqr-m" || method == "residual" ? 0.05 : 0.1)), "\(covered)")
  }

  /// Rounding keeps every promise: where digits are few, answers are mostly rounded.
  @Test func roundingIsAwayFromWhatIsPromised() throws {
    let shell = try Shell()
    defer { shell.remove() }
    let found = simulation(labelled: 19, levels: [0.25, 0.5, 0.75], seed: 2) { random, _, _ in (1, 2 * random.uniform() - 1) }
    for (side, levels) in [("upper", [0.25, 0.5, 0.75]), ("lower", [0.75, 0.5, 0.25])] {
      let rows = try answers(found, "--one-sided \(side) --digits 0", shell)
      for (k, level) in levels.enumerated() {
        let held = zip(rows, found.truths).count { side == "upper" ? $1 <= $0[k] : $1 >= $0[k] }
        #expect(isNotTooFew(held, share: level), "\(side) \(level): \(held)")
      }
    }
    let rows = try answers(found, "--digits 0", shell)
    #expect(isNotTooFew(zip(rows, found.truths).count { $0[0] <= $1 && $1 <= $0[2] }, share: 0.5))
  }

  /// New rows are mostly those with large errors, and the weights are the likelihood ratio.
  @Test func weightsCoverAShiftedMix() throws {
    let shell = try Shell()
    defer { shell.remove() }
    let found = simulation(labelled: 60, levels: [0.1, 0.9], seed: 3) { random, isNew, _ in
      let x = isNew ? random.uniform().squareRoot() : random.uniform()
      return (2 * x, 4 * x * CalibrationPromiseTests.normal(&random))
    }
    let covered = zip(try answers(found, "-m weighted -w w", shell), found.truths).count { $0[0] <= $1 && $1 <= $0[1] }
    #expect(isNotTooFew(covered, share: 0.8), "\(covered)")
    let plain = zip(try answers(found, "-m cqr", shell), found.truths).count { $0[0] <= $1 && $1 <= $0[1] }
    #expect(!isNotTooFew(plain, share: 0.8), "the shift does no harm")
  }

  /// Rows that teach less with age keep the lower bound where nothing drifts, and lose by less than twice the weighted distance where something does:
  /// here the last five of 30 rows are of the new kind, and the others lie at distance 1 at most.
  @Test func decayKeepsItsBound() throws {
    let shell = try Shell()
    defer { shell.remove() }
    let still = simulation(labelled: 30, levels: [0.1, 0.9], seed: 4) { random, _, _ in (1, CalibrationPromiseTests.normal(&random)) }
    let covered = zip(try answers(still, "--decay 0.9 --order t", shell), still.truths).count { $0[0] <= $1 && $1 <= $0[1] }
    #expect(isNotTooFew(covered, share: 0.8), "\(covered)")
    let moved = simulation(labelled: 30, levels: [0.1, 0.9], seed: 5) { random, _, i in
      (1, CalibrationPromiseTests.normal(&random) + (i < 25 ? 0 : 6))
    }
    let decay = 0.5
    let weights = (0..<30).map { pow(decay, Double(30 - $0)) }
    let loss = 2 * weights[..<25].reduce(0, +) / (weights.reduce(0, +) + 1)
    let held = zip(try answers(moved, "--decay \(decay) --order t", shell), moved.truths).count { $0[0] <= $1 && $1 <= $0[1] }
    #expect(isNotTooFew(held, share: 0.8 - loss), "\(held)")
  }

  /// A row labelled among those that calibrate covers at the nominal rate by construction: the share does not even vary as a binomial one does, and a
  /// jump in noise leaves no trace, so it proves nothing.
  @Test func labelledRowsCoverByConstruction() throws {
    let shell = try Shell()
    defer { shell.remove() }
    var lines = ["key,y,q0.1,q0.9"]
    var random = RandomStream(seed: 6)
    for table in 0..<40 { for i in 0..<200 { lines.append("\(table),\(text(CalibrationPromiseTests.normal(&random) * (i < 100 ? 1 : 5))),-1,1") } }
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: shell.folder.appendingPathComponent("t.csv"))
    let result = try shell.run("qconformal -q --target y --by key t.csv | qscore -q --target y --by key | cut -d, -f11")
    let shares = result.text.split(separator: "\n").dropFirst().map { Double($0)! }
    #expect(shares.count == 40 && shares.allSatisfy { abs($0 - 0.8) <= 0.015 }, "\(shares)")
    // A binomial share of 200 rows strays by .028.
    let spread = (shares.reduce(0) { $0 + ($1 - 0.8) * ($1 - 0.8) } / 40).squareRoot()
    #expect(spread < 0.01, "\(spread)")
  }

  /// A target that always equals the median is never missed, so misses are no more frequent than α, not as frequent.
  @Test(arguments: ["aci", "pid", "sf-ogd"])
  func onlineMissesMayBeRarer(_ method: String) throws {
    let result = try Shell.run(
      """
      awk 'BEGIN { print "t,y,q0.05,q0.5,q0.95"; for (i = 1; i <= 500; i++) print i ",3,2,3,4" }' |
        qconformal -q --target y -m \(method) --order t | qscore -q --target y --intervals 90 | cut -d, -f10 | tail -n 1
      """)
    #expect(result.text == "1\n", "\(result.text)\(result.error)")
  }
}
