import Foundation
import Groundwork
import Tables
import Testing

/// Adds up what the rows before a row hold, those of other workers too.
private final class SummingWorker: RowWorker {
  final class Total {
    var value = 0
  }

  private let total: Total
  private var read: [Int] = []
  private var turns = 0
  private var sums: [Int] = []

  init(_ total: Total) { self.total = total }

  override var takesTurns: Bool { true }

  override func begin(input: String) {
    (turns, read, sums) = (0, [], [])
  }

  override func handle(_ row: Row, into output: ByteBuffer) throws {
    guard let value = Int(row.text(0)) else { throw Failure(.badData, "no number") }
    read.append(value)
  }

  override func settle(_ row: Row) throws {
    defer { turns += 1 }
    if read[turns] < 0 { throw Failure(.badData, "below zero") }
    total.value += read[turns]
    sums.append(total.value)
  }

  override func finish(_ rows: Rows, into output: ByteBuffer) throws {
    for (i, sum) in sums.enumerated() { output.append("\(rows[i].text(0)) \(sum)\n") }
  }
}

/// Laws of rows that wait for those before them.
@Suite struct TurnTests {
  private struct Run {
    var written: String
    var rejected: String
    var counts: RowCounts?
    var failure: Failure?
  }

  private func run(_ fields: [String], threads: Int, skips: Bool) throws -> Run {
    let path = NSTemporaryDirectory() + "turns-\(UUID().uuidString)"
    defer { for end in ["", ".out", ".bad"] { unlink(path + end) } }
    try Data(("x,y\n" + fields.map { "\($0),0\n" }.joined()).utf8).write(to: URL(fileURLWithPath: path))
    var options = TableReader.Options()
    options.operands = [path]
    let reader = try TableReader(options)
    let (output, rejects) = (try OutputFile(path: path + ".out"), try OutputFile(path: path + ".bad"))
    let pipeline = RowPipeline(
      source: reader, format: reader.format, header: reader.header!, output: output, policy: BadRowPolicy(skips: skips, rejects: rejects))
    let total = SummingWorker.Total()
    var run = Run(written: "", rejected: "")
    do { run.counts = try pipeline.run((0..<threads).map { _ in SummingWorker(total) }) } catch { run.failure = error as? Failure }
    try output.close()
    try rejects.close()
    run.written = try String(contentsOfFile: path + ".out", encoding: .utf8)
    run.rejected = try String(contentsOfFile: path + ".bad", encoding: .utf8)
    return run
  }

  /// Rows that are bad when they are read and rows that are bad in their turn, among many blocks.
  private static let fields = (0..<400_000).map { $0 % 70_001 == 5 ? "bad" : $0 % 90_001 == 7 ? "-3" : "\($0 % 11)" }

  @Test(arguments: [1, 2, 4])
  func eachRowSeesThoseBeforeIt(_ threads: Int) throws {
    var (sum, expected, bad) = (0, "", "")
    for field in Self.fields {
      guard let value = Int(field), value >= 0 else {
        bad += "\(field),0\n"
        continue
      }
      sum += value
      expected += "\(field) \(sum)\n"
    }
    let run = try run(Self.fields, threads: threads, skips: true)
    #expect(run.written == expected)
    #expect(run.rejected == bad)
    #expect(run.counts?.read == 400_000 && run.counts?.skipped == 11)
    #expect(run.counts?.firstSkipped?.place.line == 7)
  }

  /// The first bad row ends the run, whether it is bad by itself or in its turn; those before it are answered.
  @Test(arguments: [1, 2, 4])
  func theFirstBadRowEndsTheRun(_ threads: Int) throws {
    var fields = [String](repeating: "1", count: 300_000)
    (fields[200_000], fields[200_003]) = ("-3", "bad")
    for cause in ["below zero", "no number"] {
      let run = try run(fields, threads: threads, skips: false)
      #expect(run.failure?.cause == cause)
      #expect(run.failure?.place.line == 200_002)
      #expect(run.written == (1...200_000).map { "1 \($0)\n" }.joined())
      (fields[200_000], fields[200_003]) = ("bad", "-3")
    }
  }
}
