import Foundation
import Groundwork
import Tables
import Testing

/// Writes `bytes` to a file, or feeds them through a pipe in pieces, and reads them as a table.
private func withTable<T>(_ bytes: [UInt8], _ body: (String) throws -> T) throws -> T {
  let path = NSTemporaryDirectory() + "table-\(UUID().uuidString)"
  try Data(bytes).write(to: URL(fileURLWithPath: path))
  defer { unlink(path) }
  return try body(path)
}

private final class CollectingWorker: RowWorker {
  let encoder: RowEncoder
  init(_ encoder: RowEncoder) { self.encoder = encoder }
  override func handle(_ row: Row, into output: ByteBuffer) throws { encoder.write(row, cells: nil, own: nil, into: output) }
}

private final class TextWorker: RowWorker {
  var rows: [[String]] = []
  override func handle(_ row: Row, into output: ByteBuffer) throws { rows.append((0..<row.columns).map { row.text($0) }) }
}

/// Passes a table through and returns what was written.
private func passed(_ bytes: [UInt8], threads: Int, operands: Int = 1, output: TableFormat? = nil) throws -> [UInt8] {
  try withTable(bytes) { path in
    var options = TableReader.Options()
    options.operands = [String](repeating: path, count: operands)
    let reader = try TableReader(options)
    let header = try #require(reader.header)
    let encoder = try RowEncoder(header: header, input: reader.format, output: output ?? reader.format)
    let target = path + ".out"
    defer { unlink(target) }
    let file = try OutputFile(path: target)
    let buffer = ByteBuffer()
    encoder.writeHeader(into: buffer)
    try file.write(lines: buffer.bytes)
    let pipeline = RowPipeline(source: reader, format: reader.format, header: header, output: file)
    _ = try pipeline.run((0..<threads).map { _ in CollectingWorker(encoder) })
    try file.close()
    return Array(try Data(contentsOf: URL(fileURLWithPath: target)))
  }
}

private func rows(_ bytes: [UInt8]) throws -> [[String]] {
  try withTable(bytes) { path in
    var options = TableReader.Options()
    options.operands = [path]
    let reader = try TableReader(options)
    let worker = TextWorker()
    _ = try RowPipeline(source: reader, format: reader.format, header: reader.header!, output: nil).run([worker])
    return worker.rows
  }
}

/// A random table of `columns` columns and what its fields say.
private func randomTable(_ random: inout RandomStream, rows: Int, columns: Int) -> (bytes: [UInt8], fields: [[String]]) {
  let pieces = ["a", "1.5", "", " ", "é", "x\"y", "p,q", "line\nend", "\r\n", "''", "\"", ",,", "0123456789"]
  let newline: [UInt8] = random.below(2) == 0 ? [10] : [13, 10]
  func quoted(_ text: String, _ force: Bool) -> [UInt8] {
    let needs = force || text.utf8.contains { [10, 13, 34, 44].contains($0) }
    return needs ? [34] + text.utf8.flatMap { $0 == 34 ? [34, 34] : [$0] } + [34] : Array(text.utf8)
  }
  var bytes: [UInt8] = Array((0..<columns).map { "c\($0)" }.joined(separator: ",").utf8) + newline
  var fields: [[String]] = []
  for r in 0..<rows {
    let row = (0..<columns).map { _ in (0..<random.below(3)).map { _ in pieces[random.below(pieces.count)] }.joined() }
    fields.append(row)
    for (c, text) in row.enumerated() {
      if c > 0 { bytes.append(44) }
      bytes += quoted(text, random.below(5) == 0)
    }
    if r < rows - 1 || random.below(2) == 0 { bytes += newline }
  }
  return (bytes, fields)
}

@Suite struct PipelineTests {
  @Test func randomTablesPassByteForByteForAnyThreads() throws {
    var random = RandomStream(seed: 11)
    for trial in 0..<40 {
      let (bytes, _) = randomTable(&random, rows: trial < 30 ? 20 : 20_000, columns: 2 + random.below(6))
      for threads in [1, 3] { #expect(try passed(bytes, threads: threads) == bytes) }
    }
  }

  @Test func fieldsAreWhatWasWritten() throws {
    var random = RandomStream(seed: 12)
    for _ in 0..<100 {
      let (bytes, fields) = randomTable(&random, rows: 30, columns: 2 + random.below(5))
      #expect(try rows(bytes) == fields)
    }
  }

  /// CSV to NDJSON and back keeps every field's content (missing and numbers included).
  @Test func formatsHoldTheSameContent() throws {
    var random = RandomStream(seed: 13)
    for _ in 0..<50 {
      let (bytes, fields) = randomTable(&random, rows: 30, columns: 3)
      let objects = try passed(bytes, threads: 1, output: .ndjson)
      #expect(try rows(objects).map { $0.map { $0 == "null" ? "" : $0 } } == fields)
      #expect(try rows(try passed(objects, threads: 2, output: .csv)) == fields)
    }
  }

  @Test func severalOperandsAreOneTable() throws {
    let bytes = Array("a,b\n1,2\n3,4".utf8)
    #expect(try passed(bytes, threads: 1, operands: 3) == Array("a,b\n1,2\n3,4\n1,2\n3,4\n1,2\n3,4".utf8))
  }

  @Test func aHundredThousandColumnsPass() throws {
    let names = (0..<100_000).map { "c\($0)" }.joined(separator: ",")
    let bytes = Array((names + "\n" + (0..<3).map { _ in [String](repeating: "1.25", count: 100_000).joined(separator: ",") + "\n" }.joined()).utf8)
    #expect(try passed(bytes, threads: 2) == bytes)
  }

  @Test func aRowOfManyMegabytesPasses() throws {
    let long = String(repeating: "0123456789\n", count: 800_000)
    let bytes = Array("a,b\n1,\"\(long)\"\n2,x\n".utf8)
    #expect(try passed(bytes, threads: 2) == bytes)
    #expect(try rows(bytes)[0][1] == long)
  }

  @Test func linesThatAreNoRowsSayWhere() throws {
    for (text, line, cause) in [
      ("a,b\n1,2\n1\n", 3, "1 field, the header has 2"), ("a,b\n\"x\ny\",2\n1,2,3\n", 4, "3 fields, the header has 2"),
      ("a,b\n1,\"2\n", 2, "a quote is not closed"), ("a,b\n1,\"2\"x\n", 2, "text after a closing quote"),
      ("{\"a\":1}\n{\"a\":}\n", 2, "the value of key \"a\" is not JSON"),
      (
        "{\"a\":1}\n{\"b\":1}\n", 2,
        "key \"b\" is not in the first line's object; write it there too, as null where it is missing, or name all keys with --columns"
      ),
      ("{\"a\":1}\n{\"a\":1\n", 2, "the object is not closed"), ("{\"a\":1}\n\n", 2, "an empty line where an object was expected"),
    ] {
      let failure = #expect(throws: Failure.self) { try rows(Array(text.utf8)) }
      #expect(failure?.place.line == line && failure?.cause == cause, "\(text)")
    }
  }

  @Test func groupsAreRecognised() throws {
    let header = try Header(names: ["id", "q0.5", "rf_q0.9", "rf_q0.10", "my_model_q0.975", "seq1", "freq0.5", "fold"])
    let groups = try header.quantileGroups(input: "stdin")
    #expect(groups.map(\.name) == ["", "rf", "my_model"])
    #expect(groups[1].levels == [0.1, 0.9] && groups[1].columns == [3, 2])
  }
}

@Suite struct StoredTableTests {
  private final class EchoWorker: RowWorker {
    var seen: [Int] = []
    override func finish(_ rows: Rows, into output: ByteBuffer) throws {
      for i in 0..<rows.count {
        output.append("\(rows.firstRow + i) ")
        output.append(rows[i].record)
      }
    }
  }

  /// What is held comes back row by row in order, from memory and from the unnamed file alike.
  @Test(arguments: [0, 1 << 30])
  func recordsComeBackInOrder(_ memoryLimit: Int) throws {
    let lines = (0..<30_000).map { "\($0),\($0 % 7 == 0 ? "" : "\($0 * 2)"),\($0 % 3 == 0 ? "red" : "blue")" }
    let bytes = Array(("n,y,colour\n" + lines.joined(separator: "\n")).utf8)
    try withTable(bytes) { path in
      var options = TableReader.Options()
      options.operands = [path]
      let table = try StoredTable(
        try TableReader(options), roles: [(0, .feature(.undeclared)), (1, .finite), (2, .feature(.undeclared))], memoryLimit: memoryLimit, threads: 2)
      #expect(table.rows == 30_000)
      #expect(table.numbers(1)[7].isNaN && table.numbers(1)[8] == 16)
      guard case .categories(let codes, let names) = try table.feature(2), case .numbers(let numbers) = try table.feature(0) else {
        Issue.record("wrong kinds")
        return
      }
      #expect(names == ["blue", "red"] && codes[..<4] == [1, 0, 0, 1])
      #expect(numbers == (0..<30_000).map(Double.init))
      let target = path + ".out"
      defer { unlink(target) }
      let file = try OutputFile(path: target)
      try table.answer([EchoWorker(), EchoWorker()], output: file)
      try file.close()
      let written = try String(contentsOfFile: target, encoding: .utf8)
      #expect(written == lines.enumerated().map { "\($0) \($1)" }.joined(separator: "\n"))
    }
  }

  @Test func anInfiniteFeatureIsRefusedUnlessItIsACategory() throws {
    func hold(_ text: String) throws -> StoredTable {
      try withTable(Array(text.utf8)) { path in
        var options = TableReader.Options()
        options.operands = [path]
        return try StoredTable(try TableReader(options), roles: [(0, .feature(.undeclared))], memoryLimit: 1 << 20, threads: 1)
      }
    }
    #expect(throws: Failure.self) { try hold("x,y\n1,1\ninf,2\n") }
    #expect(throws: Never.self) { try hold("x,y\none,1\ninf,2\n") }
  }
  /// What a column of these fields is; nil where it is refused.
  private func kind(_ fields: [String]) throws -> StoredTable.FeatureKind? {
    try withTable(Array(("x;y\n" + fields.map { "\($0);1\n" }.joined()).utf8)) { path in
      var options = TableReader.Options()
      options.operands = [path]
      options.format = .separated(delimiter: UInt8(ascii: ";"))
      let policy = BadRowPolicy(skips: true)
      return try? StoredTable(
        try TableReader(options), roles: [(0, .feature(.undeclared))], memoryLimit: 1 << 20, threads: 1, policy: policy
      ).kind(0)
    }
  }

  /// 19 of 20 are enough; words that stand for missing do not count, and a zero before a digit decides alone.
  @Test func theWholeColumnDecidesWhatItHolds() throws {
    let numbers = (1...19).map(String.init)
    #expect(try kind(numbers) == .numeric)
    #expect(try kind(numbers + ["word"]) == .numeric)
    #expect(try kind(numbers + ["word", "word"]) == .categorical)
    #expect(try kind(numbers + ["", "NA", "word"]) == .numeric)
    #expect(try kind(numbers + [String](repeating: "n/a", count: 30)) == .numeric)
    #expect(try kind(numbers + ["inf"]) == .numeric)
    #expect(try kind(numbers + ["05"]) == .categorical)
    #expect(try kind(numbers + ["-05", "word"]) == .categorical)
    #expect(try kind(numbers + ["0.5", "-0.5", "0", "-0", ".5", "0e1"]) == .numeric)
    #expect(try kind((1...19).map { "2024-01-\($0 < 10 ? "0" : "")\($0)" } + ["soon"]) == .date)
    #expect(try kind((1...19).map { "\($0)/1/2024" } + ["2024-01-01"]) == .date)
    #expect(try kind((1...19).map { "\($0),5" } + ["word"]) == nil)
    #expect(try kind(numbers + (1...19).map { "1,\(100 + $0)" }) == nil)
    #expect(try kind(["red", "blue", "-", "?"]) == .categorical)
    #expect(try kind(["A1", "B2", "4WD", "10-20", "1.2.3", "555-1234", "<5", "12:30", "1/2"]) == .categorical)
    #expect(try kind(["", "NA"]) == .numeric)
  }

  /// A table without its stray rows is the table that never had them, in memory and on disk.
  @Test(arguments: [0, 1 << 30])
  func rowsWithStrayFieldsAreLeftOut(_ memoryLimit: Int) throws {
    func isStray(_ i: Int) -> Bool { i % 101 == 7 }
    let lines = (0..<30_000).map { isStray($0) ? "n/a,\($0)" : "\($0 / 2),\($0)" }
    try withTable(Array(("x,y\n" + lines.joined(separator: "\n")).utf8)) { path in
      var options = TableReader.Options()
      options.operands = [path]
      let table = try StoredTable(
        try TableReader(options), roles: [(0, .feature(.undeclared)), (1, .finite)], memoryLimit: memoryLimit, threads: 2,
        policy: BadRowPolicy(skips: true))
      let kept = (0..<30_000).filter { !isStray($0) }
      #expect(table.rows == kept.count && table.counts.read == 30_000 && table.counts.skipped == 30_000 - kept.count)
      #expect(table.counts.firstSkipped?.place.line == 9)
      #expect(table.numbers(1) == kept.map(Double.init))
      #expect(table.numbers(0) == kept.map { Double($0 / 2) })
      let target = path + ".out"
      defer { unlink(target) }
      let file = try OutputFile(path: target)
      try table.answer([EchoWorker(), EchoWorker()], output: file)
      try file.close()
      let written = try String(contentsOfFile: target, encoding: .utf8)
      #expect(written == kept.enumerated().map { "\($0) \(lines[$1])" }.joined(separator: "\n"))
    }
  }
}
