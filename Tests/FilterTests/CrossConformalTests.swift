import Foundation
import Testing

/// Tables whose rows are copied for cross-conformal calibration, through the whole chain.
@Suite struct CrossConformalTests {
  /// A table of `rows` rows with y = x + |z|·noise + z²/4, of which the last `new` targets are blank, and all targets. Seeded.
  private func table(rows: Int, new: Int, seed: UInt64) -> (text: String, targets: [Double]) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
    func uniform() -> Double {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Double(state >> 11) * 0x1p-53
    }
    func normal() -> Double { (0..<12).reduce(-6) { sum, _ in sum + uniform() } }
    for _ in 0..<10 { _ = uniform() }
    var (text, targets) = ("x,z,y\n", [Double]())
    for row in 0..<rows {
      let (x, z) = (normal(), normal())
      let y = x + (0.3 + abs(z)) * normal() + z * z / 4
      targets.append(y)
      text += "\(x),\(z),\(row < rows - new ? "\(y)" : "")\n"
    }
    return (text, targets)
  }

  /// The values of columns of a CSV table without quotes, a row each.
  private func columns(_ names: [String], _ text: String) throws -> [[Double]] {
    let lines = text.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    let header = try #require(lines.first)
    let places = try names.map { name in try #require(header.firstIndex { $0 == name }) }
    return lines.dropFirst().map { line in places.map { Double(line[$0]) ?? .nan } }
  }

  /// Barber, Candès, Ramdas, Tibshirani 2021, Theorem 4: coverage of 1 − 2α − √(2/n) at least; in practice about 1 − α.
  @Test(arguments: [
    "qfit --cv-plus -l linear --levels 0.05,0.5,0.95",
    "qfit --nested -l linear,marginal --levels 0.05,0.5,0.95 | qaggregate --method global-coarse",
  ])
  func newRowsAreCoveredAsOftenAsPromised(_ pipe: String) throws {
    let shell = try Shell()
    defer { shell.remove() }
    let (labelled, new) = (150, 500)
    var coverages: [Double] = []
    for seed in 1...16 as ClosedRange<UInt64> {
      let (text, targets) = table(rows: labelled + new, new: new, seed: seed)
      try text.write(to: shell.folder.appendingPathComponent("table.csv"), atomically: true, encoding: .utf8)
      let result = try shell.run(
        "cat table.csv | \(pipe.replacing("qfit", with: "qfit --threads 1")) | qconformal --method cv+ --new-only --threads 1 -q")
      #expect(result.status == 0 && result.error.isEmpty, "\(result.error)")
      let group = pipe.contains("qaggregate") ? "" : "linear_"
      let ends = try columns(["\(group)q0.05", "\(group)q0.95"], result.text)
      try #require(ends.count == new)
      let covered = zip(ends, targets.suffix(new)).count { $0[0] <= $1 && $1 <= $0[1] }
      coverages.append(Double(covered) / Double(new))
    }
    #expect(coverages.allSatisfy { $0 >= 1 - 2 * 0.1 - (2 / Double(labelled)).squareRoot() }, "\(coverages)")
    let mean = coverages.reduce(0, +) / Double(coverages.count)
    #expect(abs(mean - 0.9) <= 0.02, "\(mean)")
  }

  /// Where labelled rows have copies by models without two folds, a row is answered by what has not seen its fold: other targets in the fold do not
  /// change it, and change every other answer.
  @Test func aLabelledRowsAnswerDoesNotDependOnItsFoldsTargets() throws {
    let shell = try Shell()
    defer { shell.remove() }
    let (text, _) = table(rows: 60, new: 10, seed: 3)
    let lines = text.split(separator: "\n")
    func written(changing fold: Int?) -> String {
      "fold," + lines[0] + "\n"
        + lines.dropFirst().enumerated().map { i, line in
          let isNew = line.hasSuffix(",")
          let changed = !isNew && i % 4 == fold ? line.split(separator: ",").dropLast().joined(separator: ",") + ",\(i)" : String(line)
          return (isNew ? "" : "\(i % 4)") + "," + changed + "\n"
        }.joined()
    }
    let pipe = "qfit --nested -l linear,marginal --levels 0.25,0.5,0.75 < table.csv | qconformal --method cv+ -q"
    for pipe in [pipe, pipe.replacing("| qconf", with: "| qaggregate --method average | qconf")] {
      var answers: [[Substring]] = []
      for fold in [nil, 2] {
        try written(changing: fold).write(to: shell.folder.appendingPathComponent("table.csv"), atomically: true, encoding: .utf8)
        answers.append(try shell.run(pipe).text.split(separator: "\n"))
      }
      try #require(answers[0].count == 61 && answers[1].count == 61)
      func quantiles(_ line: Substring) -> [Substring] { Array(line.split(separator: ",", omittingEmptySubsequences: false).dropFirst(4)) }
      for i in 0..<60 {
        let isSame = quantiles(answers[0][i + 1]) == quantiles(answers[1][i + 1])
        #expect(isSame == (i < 50 && i % 4 == 2), "row \(i) of \(pipe)")
      }
    }
  }

  @Test func bytesDoNotDependOnThreads() throws {
    let shell = try Shell()
    defer { shell.remove() }
    try table(rows: 700, new: 100, seed: 9).text.write(to: shell.folder.appendingPathComponent("table.csv"), atomically: true, encoding: .utf8)
    let pipes = [
      "qfit --cv-plus -l linear,forest:trees=20 --threads T < table.csv | qconformal --method cv+ --report --threads T",
      """
      qfit --nested -l linear,forest:trees=20 --tune 2 --levels 9 --threads T < table.csv |
        qaggregate --method qra --threads T | qconformal --method cv+ --threads T
      """,
    ]
    for pipe in pipes {
      let results = try ["1", "2", "7"].map { threads in try shell.run(pipe.replacing("--threads T", with: "--threads \(threads)")) }
      #expect(results[0].status == 0 && results[0].output.count > 10_000)
      #expect(results.allSatisfy { $0 == results[0] })
    }
  }

  /// What was saved answers a stream of new rows as the whole table did.
  @Test func savedStagesAnswerAsTheTableDid() throws {
    let result = try Shell.run(
      """
      { echo x,z,y
        for i in {1..90}; do echo $((i % 7)),$((i * i % 11)),$((i % 7 + i * i % 13)); done
        for i in {1..4000}; do echo $((i % 9)),$((i % 5)),; done; } > table.csv
      { head -1 table.csv; grep ',$' table.csv; } > new.csv
      qfit --nested --levels 0.1,0.5,0.9 -l linear,marginal --save fit.model < table.csv | qaggregate --save aggregate.model |
        qconformal --method cv+ --save conformal.model | grep ',,$\\|^x\\|^[0-9]*,[0-9]*,,' | cut -d, -f 1-3,5- > whole.csv
      qfit --load fit.model < new.csv | qaggregate --load aggregate.model | qconformal --load conformal.model > streamed.csv
      wc -l < streamed.csv; cmp whole.csv streamed.csv
      """)
    #expect(result.text == "4001\n" && result.error.isEmpty && result.status == 0, "\(result.text)\(result.error)")
  }
}
