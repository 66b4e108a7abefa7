import FilterKit
import Foundation
import Groundwork
import Testing

/// Files put together from parts that are each valid: what one method learnt under the names of another, or of a table of another size, with the
/// checksum made anew. Each is refused with one line and status 65, or answers as some file that is whole does.
@Suite struct GraftTests {
  /// Files of one kind, for tables of several sizes.
  struct Kind: CustomTestStringConvertible {
    let name: String
    let tool: String
    /// The methods that `--help methods` lists of it.
    var takes: @Sendable (_ method: String, _ summary: String) -> Bool = { _, _ in true }
    /// Makes `<size>.csv` of each size, and `copies-<size>.csv` where methods need copies.
    let tables: String
    let sizes: [String]
    /// Settings that make a method quick.
    var settings: [String: String] = [:]
    /// Writes the file FILE of METHOD from the table TABLE of SIZE.
    let save: @Sendable (_ method: String, _ size: String) -> String
    /// Answers by the file FILE of METHOD, of the size of the table TABLE. Several commands, one after the other where they succeed.
    let answer: @Sendable (_ method: String) -> String
    /// Where the binary part may be cut, what was learnt last.
    let cuts: @Sendable (_ body: [UInt8], _ method: String) throws -> [Int]
    /// Whether some methods write what others can read: then the law is that they answer all rows.
    var sharesForms = false
    /// Whether what is compared holds columns of the table that is answered.
    var answersDependOnTable = true
    /// "scores" for files of partial results.
    var fileKind: String?

    var testDescription: String { name }
  }

  /// One file, and what it was made for.
  private struct Part {
    let method: String
    let size: String
    let file: ModelFile
    let cuts: [Int]
  }

  private static func table(_ size: String, _ method: String) -> String { (method == "cv+" ? "copies-" : "") + size }

  // MARK: The kinds

  private static let networks = "networks=1,hidden=2,layers=1,steps=5"

  static let models = Kind(
    name: "models of qfit", tool: "qfit",
    tables: """
      awk -v OFS=, 'BEGIN { srand(1); print "x,c,z,k,y"
        for (i = 1; i <= 30; i++) print i % 9, (i % 2 ? "a" : "b"), substr("pqr", 1 + i % 3, 1), i % 4,
          (i % 5 ? i + int(9 * rand()) : "") }' > all.csv
      cut -d, -f1,2,5 all.csv > plain.csv; cp plain.csv levels.csv
      awk -F, -v OFS=, '{ print $2, $1, $5 }' all.csv | sed '1s/.*/x,c,y/' > kinds.csv
      awk -F, -v OFS=, '{ print $1, $3, $5 }' all.csv | sed '1s/.*/x,c,y/' > categories.csv
      cp all.csv wide.csv
      """,
    sizes: ["plain", "levels", "kinds", "categories", "wide"],
    settings: [
      "forest": ":trees=2", "extratrees": ":trees=2", "boost": ":trees=2", "rff": ":features=3", "cgn": ":\(networks)", "sqr": ":\(networks)",
      "dqr": ":\(networks)",
    ],
    save: { method, size in
      "qfit -l learnt=METHOD --levels \(size == "levels" ? "0.1,0.5,0.9" : "0.1,0.9") --new-only --save FILE TABLE"
    },
    // Only the predictions: what uses no feature answers alike on every table.
    answer: { _ in
      "qfit --load FILE TABLE > made && cut -d, -f$((1 + $(head -n 1 TABLE | tr ',' '\n' | wc -l)))- made"
    },
    cuts: { body, _ in
      var reader = ByteReader(body)
      _ = try FeatureSchema(decoding: &reader)
      let schema = body.count - reader.remaining
      _ = try reader.readArray(of: Double.self)
      let levels = body.count - reader.remaining
      _ = try (reader.readInt(), reader.readString(), reader.readString())
      return [schema, levels, body.count - reader.remaining]
    }, answersDependOnTable: false)

  static let combinations = Kind(
    name: "models of qaggregate", tool: "qaggregate",
    tables: """
      make() {
        awk -v OFS=, -v models="$1" -v levels="$2" -v swap="$3" 'BEGIN {
          srand(1); p = split(models, model, " "); m = split(levels, level, " ")
          line = "x,c,y,fold"; for (j = 1; j <= p; j++) for (t = 1; t <= m; t++) line = line "," model[j] "_q" level[t]
          print line
          for (i = 1; i <= 24; i++) {
            line = (swap ? substr("ab", 1 + i % 2, 1) "," i % 7 : i % 7 "," substr("ab", 1 + i % 2, 1)) "," i + 6 * rand() "," i % 3
            for (j = 1; j <= p; j++) for (t = 1; t <= m; t++) line = line "," i + 8 * level[t] + 2 * j * rand()
            print line
          }
        }'
      }
      make "a b" ".25 .75" > plain.csv; make "a b" ".1 .5 .9" > levels.csv; make "e b" ".25 .75" > names.csv; make "a b d" ".25 .75" 1 > wide.csv
      """,
    sizes: ["plain", "levels", "names", "wide"],
    settings: [
      "local-coarse": ":\(networks)", "local-medium": ":\(networks),knots=2", "local-fine": ":\(networks),reach=all",
    ],
    save: { method, _ in
      // The choice among all methods is a file of one of them.
      method == "auto" ? "false" : "qaggregate -m METHOD\(method.hasPrefix("local-") ? " --tune 1" : "") --save FILE TABLE"
    },
    answer: { _ in "cut -d, -f1,2,5- TABLE | qaggregate --load FILE; cut -d, -f1,2,5- TABLE | qaggregate --load FILE --describe" },
    cuts: { body, _ in
      var reader = ByteReader(body)
      _ = try reader.readString()
      let method = body.count - reader.remaining
      _ = try (reader.readStrings(), reader.readArray(of: Double.self), reader.readString())
      let names = body.count - reader.remaining
      if try reader.readBool() { _ = try FeatureSchema(decoding: &reader) }
      return [method, names, body.count - reader.remaining]
    })

  private static let predicted = """
    awk -v OFS=, 'BEGIN {
      srand(2); print "x,g,w,date,y,a_q0.1,a_q0.25,a_q0.5,a_q0.75,a_q0.9"
      for (i = 1; i <= 40; i++) {
        e = rand() + rand() - 1
        print i, substr("uv", 1 + i % 2, 1), 1 + i % 3, sprintf("2024-01-%02d", 1 + int(i / 2)),
          (i % 9 ? i + 5 * e : ""), i - 3, i - 2, i, i + 1, i + 4
      }
    }' > wide.csv
    cut -d, -f1-5,7-9 wide.csv > plain.csv

    """

  /// Reads what a calibration says of weights, keys and bounds.
  private static func skipTerms(_ reader: inout ByteReader) throws {
    _ = try (reader.readStrings(), reader.readStrings(), reader.readDouble(), reader.readDouble())
  }

  static let calibrations = Kind(
    name: "models of qconformal", tool: "qconformal", takes: { _, summary in !summary.hasPrefix("online:") },
    tables: predicted + """
      for size in plain wide; do
        folds=$([ $size = plain ] && echo 2 || echo 3)
        cut -d, -f1-3,5 $size.csv | qfit -q --cv-plus -l a=linear --folds $folds --levels $([ $size = plain ] && echo .1,.9 || echo .1,.5,.9) \\
          --exclude g,w > copies-$size.csv
      done
      """,
    sizes: ["plain", "wide"],
    save: { method, size in
      let weights = size == "wide" && method != "conditional" || method == "weighted"
      return """
        qconformal -m METHOD --target y \(method == "conditional" ? "--given x,g" : "")\(weights ? " -w w" : "")\
        \(size == "wide" && method != "conditional" ? " --by g --min-rows 3" : "") --new-only --save FILE TABLE
        """
    },
    // Rows to be answered have a copy for each fold.
    answer: { method in method == "cv+" ? "awk -F, 'NR == 1 || $4 == \"\"' TABLE | qconformal --load FILE" : "qconformal --load FILE TABLE" },
    cuts: { body, method in
      var reader = ByteReader(body)
      _ = try reader.readString()
      if method == "cv+" { _ = try reader.readArray(of: Int.self) } else { _ = try (reader.readStrings(), reader.readStrings()) }
      let specification = body.count - reader.remaining
      try skipTerms(&reader)
      let terms = body.count - reader.remaining
      _ = try reader.readStrings()
      if method != "cv+" { _ = try reader.readArray(of: Double.self) }
      return [0, specification, terms, body.count - reader.remaining]
    }, sharesForms: true)

  static let states = Kind(
    name: "states of qconformal", tool: "qconformal", takes: { _, summary in summary.hasPrefix("online:") },
    tables: predicted, sizes: ["plain", "wide"],
    // The first half teaches, so that the second goes on from what was read.
    save: { _, _ in "head -n 21 TABLE | qconformal -q -m METHOD --target y --by g --order date --state FILE" },
    answer: { _ in "qconformal -q -m METHOD --target y --by g --order date --state FILE TABLE" },
    cuts: { body, _ in
      var reader = ByteReader(body)
      _ = try (reader.readString(), reader.readString(), reader.readStrings(), reader.readStrings())
      let settings = body.count - reader.remaining
      _ = try (reader.readStrings(), reader.readStrings(), reader.readStrings(), reader.readStrings())
      for _ in try reader.readStrings() { _ = try reader.readArray(of: Int.self) }
      let levels = body.count - reader.remaining
      _ = try (reader.readInt(), reader.readInt(), reader.readInt())
      return [settings, levels, body.count - reader.remaining]
    }, sharesForms: true)

  static let scores = Kind(
    name: "partial scores of qconformal", tool: "qconformal",
    takes: { method, summary in !summary.hasPrefix("online:") && method != "cv+" && method != "conditional" },
    tables: predicted, sizes: ["plain", "wide"],
    save: { method, size in "qconformal -m METHOD --target y\(size == "wide" || method == "weighted" ? " -w w --by g" : "") --partial TABLE > FILE" },
    answer: { _ in "qconformal --merge --save FILE.made FILE && qconformal --load FILE.made TABLE" },
    cuts: { body, _ in
      var reader = ByteReader(body)
      _ = try (reader.readString(), reader.readStrings(), reader.readStrings())
      let specification = body.count - reader.remaining
      _ = try reader.readString()
      try skipTerms(&reader)
      let terms = body.count - reader.remaining
      _ = try reader.readStrings()
      for _ in try reader.readStrings() { _ = try (reader.readArray(of: Double.self), reader.readArray(of: Double.self)) }
      let groups = body.count - reader.remaining
      for _ in 0..<(try reader.readInt()) { _ = try reader.readStrings() }
      return [0, specification, terms, groups, body.count - reader.remaining]
    }, sharesForms: true, fileKind: "scores")

  static let kinds = [models, combinations, calibrations, states, scores]

  // MARK: The law

  @Test(arguments: kinds)
  func partsThatDoNotBelongTogetherAreRefusedOrAnswerAsOneOfThemDoes(_ kind: Kind) throws {
    let shell = try Shell()
    defer { shell.remove() }
    let parts = try GraftTests.parts(kind, shell)
    #expect(parts.count >= kind.sizes.count * 5, "\(parts.map { "\($0.method) \($0.size)" })")

    // What files that are whole answer on each table.
    var whole: [String: Set<[UInt8]>] = [:]
    let runs = parts.flatMap { part in kind.sizes.map { (part, $0) } }
    let own = try GraftTests.run(runs.map { part, size in (part.file, part.method, GraftTests.table(size, part.method)) }, kind, shell)
    for ((part, size), result) in zip(runs, own) where result.status == 0 {
      whole[kind.answersDependOnTable ? GraftTests.table(size, part.method) : "", default: []].insert(result.output)
    }
    for ((part, size), result) in zip(runs, own) where part.size == size { #expect(result.status == 0, "\(part.method) \(size): \(result.error)") }

    var grafts: [(what: String, file: ModelFile, recipient: Part)] = []
    var pair = 0
    let triesAll = ProcessInfo.processInfo.environment["FUZZ_TRIALS"] != nil
    for recipient in parts {
      for donor in parts where donor.method != recipient.method || donor.size != recipient.size {
        for (k, (place, from)) in zip(recipient.cuts, donor.cuts).enumerated() {
          // Of what is not what was learnt only tables of the same method differ in more than the method's name.
          if !kind.sharesForms, k < recipient.cuts.count - 1, donor.method != recipient.method { continue }
          var file = recipient.file
          file.body = Array(recipient.file.body[..<place] + donor.file.body[from...])
          if file.body == recipient.file.body { continue }
          defer { pair += 1 }
          // Of other methods a share is enough.
          if !triesAll, donor.method != recipient.method, pair % (donor.size != recipient.size ? 24 : 6) != 0 { continue }
          file.header.bytes = file.body.count
          grafts.append(("\(donor.method) \(donor.size) from cut \(k) on in \(recipient.method) \(recipient.size)", file, recipient))
        }
      }
    }
    let results = try GraftTests.run(
      grafts.map { ($0.file, $0.recipient.method, GraftTests.table($0.recipient.size, $0.recipient.method)) }, kind, shell)
    var refused = 0
    for (graft, result) in zip(grafts, results) {
      switch result.status {
      case 65:
        refused += 1
        // A whole file of another table refuses the first row that it can't read, after the header.
        #expect(result.text.split(separator: "\n").count <= 1, "\(graft.what): \(result.text)")
        // A note on the levels of the table may stand before the refusal.
        #expect((1...2).contains(result.error.split(separator: "\n").count), "\(graft.what): \(result.error)")
      case 0:
        let known = whole[kind.answersDependOnTable ? GraftTests.table(graft.recipient.size, graft.recipient.method) : ""]!
        let hasAllRows = known.contains { $0.count { $0 == 10 } == result.output.count { $0 == 10 } }
        #expect(known.contains(result.output) || kind.sharesForms && hasAllRows, "\(graft.what):\n\(result.text)\(result.error)")
      default:
        Issue.record("\(graft.what): status \(result.status): \(result.error)")
      }
    }
    #expect(refused > grafts.count / 4, "\(refused) of \(grafts.count) refused")
  }

  /// The files of all methods and sizes that there are.
  private static func parts(_ kind: Kind, _ shell: Shell) throws -> [Part] {
    let made = try shell.run(kind.tables)
    #expect(made.status == 0 && made.error == "", "\(made.error)")
    let methods = try MethodListTests.methods(kind.tool).filter { kind.takes($0.name, $0.summary) }.map(\.name)
    let wanted = methods.flatMap { method in kind.sizes.map { (method, $0) } }
    let script = wanted.map { method, size -> String in
      let command = GraftTests.filled(
        kind.save(method, size), file: "\(size).\(method)", method: method + (kind.settings[method] ?? ""), table: table(size, method))
      return "{ \(command); } > out 2> said || rm -f \(size).\(method)"
    }
    _ = try shell.run(script.joined(separator: "\n"))
    return try wanted.compactMap { method, size in
      let path = shell.folder.appendingPathComponent("\(size).\(method)").path
      guard FileManager.default.fileExists(atPath: path) else { return nil }
      let file = try kind.fileKind.map { try ModelFile.files(path: path, tool: kind.tool, kind: $0)[0] } ?? ModelFile(path: path, tool: kind.tool)
      return Part(method: method, size: size, file: file, cuts: try kind.cuts(file.body, method))
    }
  }

  private static func filled(_ command: String, file: String, method: String, table: String) -> String {
    command.replacingOccurrences(of: "FILE", with: file).replacingOccurrences(of: "METHOD", with: method)
      .replacingOccurrences(of: "TABLE", with: table + ".csv")
  }

  /// Answers by each file; of several commands the status is that of the first that fails, but for a combination that has no weights.
  private static func run(_ runs: [(file: ModelFile, method: String, table: String)], _ kind: Kind, _ shell: Shell) throws -> [Shell.Result] {
    var script = ""
    for (i, run) in runs.enumerated() {
      try run.file.save(to: shell.folder.appendingPathComponent("g\(i)").path)
      let method = run.method + (kind.settings[run.method] ?? "")
      let commands = filled(kind.answer(method), file: "g\(i)", method: method, table: run.table).components(separatedBy: "; ")
      script += "{ \(commands[0]); } > o\(i) 2> e\(i); s=$?\n"
      for command in commands.dropFirst() {
        script += "[ $s != 0 ] || { { \(command); } >> o\(i) 2>> e\(i); s=$?; [ $s != 64 ] || s=0; }\n"
      }
      script += "echo $s\n"
    }
    let name = shell.folder.appendingPathComponent("script")
    try Data(script.utf8).write(to: name)
    let statuses = try shell.run(". ./script").text.split(separator: "\n").map { Int32($0) ?? -1 }
    #expect(statuses.count == runs.count)
    return try zip(runs.indices, statuses).map { i, status in
      func content(_ name: String) throws -> Data { try Data(contentsOf: shell.folder.appendingPathComponent("\(name)\(i)")) }
      let result = Shell.Result(
        output: Array(try content("o")), error: String(decoding: try content("e"), as: UTF8.self), status: status)
      for name in ["o", "e", "g"] { try? FileManager.default.removeItem(at: shell.folder.appendingPathComponent("\(name)\(i)")) }
      return result
    }
  }
}
