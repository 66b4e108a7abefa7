import Foundation
import Testing

/// Laws of qreshape, on random tables and through the real binary.
@Suite struct ReshapeTests {
  /// A random wide table in the order in which a table that was long comes back: units that differ, groups one after the other, levels
  /// increasing, no quantile missing in the first row and at least one in each.
  private struct WideTable {
    var header: [String] = []
    var rows: [[String]] = []

    /// JSON has one word for what is missing, so texts that say it are left out where `saysMissing` is false.
    init(seed: UInt64, models: [String], levels: [String], saysMissing: Bool) {
      var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
      func below(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
      }
      let texts =
        ["plain", "01", "1e3", "", "two words", "a,b", "quo\"te", "line\nend", "näïve", "0.50", "x;y"] + (saysMissing ? ["NA", "null"] : [])
      let numbers = ["0", "-1", "2.50", "1e3", "007", "-0.0", "1E-7", "123456789.123456789", "inf", "-inf", ".5", "+3"]
      let labels = 1 + below(3)
      header = ["id"] + (0..<labels).map { "label \($0)" } + ["y"]
      var columns = 0
      for model in models {
        let kept = models.count == 1 ? levels : levels.filter { $0 == "0.5" || below(3) > 0 }
        header += kept.map { (model.isEmpty ? "q" : model + "_q") + $0 }
        columns += kept.count
      }
      for i in 0..<(1 + below(30)) {
        let full = below(columns)
        let quantiles = (0..<columns).map { i > 0 && $0 != full && below(4) == 0 ? "" : numbers[below(numbers.count)] }
        rows.append(["\(i)"] + (0..<labels).map { _ in texts[below(texts.count)] } + [below(3) == 0 ? "" : numbers[below(8)]] + quantiles)
      }
    }

    func text(delimiter: String = ",") -> String {
      func field(_ text: String) -> String {
        text.contains { "\"\n\(delimiter)".contains($0) } ? "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : text
      }
      return ([header] + rows).map { $0.map(field).joined(separator: delimiter) + "\n" }.joined()
    }
  }

  private static let hundredths = ["0.01", "0.02", "0.03", "0.1", "0.25", "0.5", "0.9"]
  private static let thousandths = ["0.001", "0.02", "0.025", "0.03", "0.125", "0.5", "0.99"]
  private static let fine = ["0.000000001", "0.005", "0.025", "0.1", "0.5", "0.77", "0.975", "0.9999"]

  /// Wide to a format and back is the same table, byte for byte, where the format can hold it.
  @Test(arguments: [
    ("hub", "", ""), ("hub", "", "--sorted"), ("hub", "", "--memory 0"), ("scoringutils", "-y y", ""), ("scoringutils", "-y y", "--memory 0"),
    ("nested", "", "--output csv"), ("nested", "", "--output csv --memory 0"), ("nixtla", "", ""), ("wide", "--level-style underscore", ""),
    ("darts", "", ""), ("percent", "", "--levels 0.01,0.02,0.03,0.1,0.25,0.5,0.9"), ("autogluon", "", "--as only"),
    ("hub", "--output tsv", "--output csv"), ("scoringutils", "-y y -d ;", "-d ;"),
  ])
  func wideToAFormatAndBackIsTheSameTable(_ format: String, _ flags: String, _ back: String) throws {
    let shell = try Shell()
    defer { shell.remove() }
    let delimiter = flags.contains("-d ;") ? ";" : ","
    for seed in 1...12 as ClosedRange<UInt64> {
      let models = format == "autogluon" ? ["only"] : format == "nixtla" ? ["a", "b-lo-90", "c d"] : ["", "a", "b_q0.5", "c, \"d\""]
      let table = WideTable(
        seed: seed, models: models, levels: format == "percent" ? Self.hundredths : format == "darts" ? Self.thousandths : Self.fine,
        saysMissing: format != "nested")
      try Data(table.text(delimiter: delimiter).utf8).write(to: shell.folder.appendingPathComponent("wide-\(seed).csv"))
    }
    let (there, here) = (flags.replacingOccurrences(of: ";", with: "';'"), back.replacingOccurrences(of: ";", with: "';'"))
    let named = format == "scoringutils" ? " -y y" : ""
    let result = try shell.run(
      """
      for seed in {1..12}; do
        qreshape -q --from wide --to \(format) \(there) wide-$seed.csv > there
        cmp -s there wide-$seed.csv && echo "$seed did not change"
        qreshape -q --from \(format)\(named) \(here) there | cmp - wide-$seed.csv && echo same
      done
      """)
    let sames = result.text.components(separatedBy: "same\n").count - 1
    #expect(sames == 12, "\(result.text)\(result.error)")
  }

  /// Whatever the columns are called, a table comes back or is refused: no column is ever read as what it was not.
  @Test func noColumnChangesItsRole() throws {
    let pool = [
      "model", "model_id", "output_type", "output_type_id", "type", "value", "values", "levels", "quantile_levels", "quantiles", "predictions",
      "observed", "true_value",
      "observation", "target", "predicted", "prediction", "quantile", "quantile_level", "0.3", "x-lo-90", "x-median", "x_ql0.1", "p10", "x_p5", "y",
      "q0_1", "p2020",
    ]
    let models = [[""], ["a"], ["", "a"], ["a", "b.c"], ["a_q0.5"], ["x-lo-80"], ["model"]]
    let levels = ["0.0005", "0.001", "0.01", "0.02", "0.025", "0.03", "0.1", "0.28", "0.29", "0.5", "0.975"]
    let shell = try Shell()
    defer { shell.remove() }
    var script = ""
    var state: UInt64 = 1
    func below(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    for table in 0..<24 {
      let passed = (0...below(3)).map { _ in pool[below(pool.count)] }.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
      let models = models[below(models.count)]
      let kept = levels.filter { _ in below(3) == 0 } + ["0.99"]
      let names = ["id"] + passed + models.flatMap { model in kept.map { (model.isEmpty ? "q" : model + "_q") + $0 } }
      let rows = (0..<3).map { row in (["\(row)"] + names.dropFirst().map { _ in "\(below(10))" }).joined(separator: ",") }
      try Data(([names.joined(separator: ",")] + rows).map { $0 + "\n" }.joined().utf8).write(to: shell.folder.appendingPathComponent("\(table).csv"))
      for format in ["hub", "scoringutils", "autogluon", "nixtla", "darts", "percent", "nested", "wide"] {
        var back =
          format == "percent" ? " --levels \(kept.joined(separator: ","))" : format == "autogluon" && models != [""] ? " --as \(models[0])" : ""
        let renamed =
          format == "scoringutils" ? ["y", "observed", "observation", "target"] : format == "nixtla" ? ["y", "observed", "observation"] : []
        if let target = renamed.first(where: passed.contains) { back += " -y \(target)" }
        script += """
          qreshape --from wide --to \(format)\(format == "wide" ? " --level-style underscore" : "") \(table).csv > there 2> refusal
          case $? in
            0) held=$((held + 1))
              qreshape -q --from \(format) --output csv\(back) there | cmp - \(table).csv || echo '\(format): \(names.joined(separator: ","))' ;;
            64 | 65) ;;
            *) cat refusal ;;
          esac

          """
      }
    }
    let result = try shell.run(script + "[ $held -gt 60 ] || echo $held")
    #expect(result.text == "" && result.error == "", "\(result.text)\(result.error)")
  }

  /// Told levels are found behind names of two decimals, in whatever way a program left these, if no two levels have one name.
  @Test(arguments: [
    ("darts", "printf \"%.2f\", l"), ("percent", "printf \"%.0f\", 100 * l"), ("percent", "printf \"%d\", 100 * l"),
    ("nixtla", "printf \"%d\", 100 * l"),
  ])
  func toldLevelsAreFoundBehindShortenedNames(_ format: String, _ shortened: String) throws {
    let prefix = ["darts": "m_q", "percent": "m_p", "nixtla": "m-q-"][format]!
    let result = try Shell.run(
      """
      for seed in {1..25}; do
        awk -v seed=$seed 'BEGIN {
          srand(seed)
          for (k = 1; k < 1000; k++) if (rand() < 0.03) {
            l = k / 1000
            \(shortened.replacingOccurrences(of: "printf ", with: "name = sprintf("))); if (name in seen) continue
            seen[name] = 1; names = names sep "\(prefix)" name; wide = wide sep "m_q" l; values = values sep k; levels = levels sep l; sep = ","
          }
          print names "\\n" values > "names.csv"; print wide "\\n" values > "wide.csv"; print levels > "levels"
        }'
        qreshape -q --from \(format) --levels $(cat levels) names.csv | cmp - wide.csv && echo same
      done
      """)
    #expect(result.text == String(repeating: "same\n", count: 25), "\(result.text)\(result.error)")
  }

  /// What a format cannot hold is refused or told.
  @Test func whatAFormatCannotHoldIsSaid() throws {
    let result = try Shell.run(
      """
      try() { printf "$2" | qreshape --to $1 2>&1 > /dev/null | wc -l; }
      try hub 'id,q0.1,q0.9\\na,1,\\n'
      try scoringutils 'id,q0.1,q0.9\\na,1,NA\\n'
      try autogluon 'id,a_q0.1,b_q0.1\\na,1,2\\n'
      try autogluon 'id,a_q0.1\\na,1\\n'
      try nixtla 'id,q0.1\\na,1\\n'
      try darts 'q0.0025\\n1\\n'
      try percent 'q0.125\\n1\\n'
      try nested 'id,q0.1,q0.9\\na,1,\\n'
      """)
    #expect(result.text == "1\n1\n1\n1\n1\n1\n1\n0\n")
  }

  // MARK: Many rows

  /// wide.csv, 4000 units of 3 models, and long.csv, its rows as a hub has them, in random order.
  private static let tables = """
    awk 'BEGIN {
      srand(5); OFS = ","; printf "place,week"
      for (m = 1; m <= 3; m++) for (l = 1; l <= 9; l++) printf ",m%d_q0.%d", m, l
      print ""
      for (u = 1; u <= 4000; u++) { printf "p%d,%d", u % 50, int(u / 50); for (c = 1; c <= 27; c++) printf ",%.3f", 100 * rand(); print "" }
    }' > wide.csv
    qreshape --to hub wide.csv > grouped.csv
    { head -1 grouped.csv; tail -n +2 grouped.csv | awk 'BEGIN { srand(7) } { print rand() "\\t" $0 }' | sort -k1,1g | cut -f2-; } > long.csv

    """

  private func expectNothing(_ script: String) throws {
    #expect(try Shell.complaints(Self.tables + script) == "")
  }

  /// Whatever the order of the rows, each unit has the quantiles it had.
  @Test func unitsComeTogetherFromRowsInRandomOrder() throws {
    try expectNothing(
      """
      qreshape grouped.csv | cmp - wide.csv
      # Models come in the order of their first rows: columns are compared by name.
      qreshape --models m1,m2,m3 long.csv | tail -n +2 | sort | cmp - <(tail -n +2 wide.csv | sort)
      awk -F, 'NR > 1 && !seen[$2 "," $3]++ { print $2 "," $3 }' long.csv | cmp - <(qreshape long.csv | tail -n +2 | cut -d, -f1,2)
      """)
  }

  @Test func theBytesDependOnNothingButTheInput() throws {
    try expectNothing(
      """
      for to in wide nested scoringutils; do
        qreshape --to $to long.csv > expected
        for threads in 1 2 7; do qreshape --threads $threads --to $to long.csv | cmp - expected; done
        for memory in 0 6M 1G; do qreshape --memory $memory --to $to long.csv | cmp - expected; done
        for size in 509 4093 100003; do dd if=long.csv bs=$size status=none | qreshape --to $to | cmp - expected; done
        gzip -n < long.csv | qreshape --to $to | cmp - expected
        { head -40001 long.csv > a.csv; head -1 long.csv; tail -n +40002 long.csv; } > b.csv
        qreshape --to $to a.csv b.csv | cmp - expected
      done
      qreshape --sorted grouped.csv | cmp - wide.csv
      qreshape --sorted --memory 0 grouped.csv | cmp - wide.csv
      qreshape --sorted --models m1,m2,m3 --levels 9 grouped.csv | cmp - wide.csv
      """)
  }

  /// A repeated quantile is found wherever its rows are, in memory and on disk.
  @Test func aUnitTwiceIsFoundOnDiskToo() throws {
    let result = try Shell.run(
      Self.tables + """
        sed -n 100p long.csv >> long.csv
        for memory in 0 1G; do
          qreshape --memory $memory long.csv 2>&1 > /dev/null | grep -c 'long.csv:108002: .* stands twice for one unit, first in line 100;'
        done
        """)
    #expect(result.text == "1\n1\n")
  }

  /// Rows in any order are answered in the memory they are given, and some for the tool itself.
  @Test func memoryIsBounded() throws {
    let (megabytes, result) = try Shell.memory(
      of: "qreshape --memory 8M",
      reading: """
        echo model_id,unit,output_type,output_type_id,value
        awk 'BEGIN {
          for (l = 1; l <= 9; l++) for (u = 1; u <= 100000; u++) print "some-model,a unit with a long name " u ",quantile,0." l "," u / 7
        }'
        """, output: "wide.csv", afterwards: "wc -l < wide.csv")
    #expect(megabytes < 48)
    #expect(result.text == "100001\n" && result.error == "")
  }

  /// Units that are many and small count with what finds and sorts them.
  @Test func memoryIsBoundedForUnitsOfOneRow() throws {
    let (megabytes, result) = try Shell.memory(
      of: "qreshape --memory 24M",
      reading: """
        echo model_id,unit,output_type,output_type_id,value
        awk 'BEGIN { for (u = 1; u <= 500000; u++) print "m," u ",quantile,0.5,1" }'
        """, output: "wide.csv", afterwards: "wc -l < wide.csv")
    #expect(megabytes < 64)
    #expect(result.text == "500001\n")
  }

  /// Models that share no level take memory for the columns there are, not for all that there could be.
  @Test func manyModelsAndLevelsTakeLittleMemory() throws {
    let (megabytes, result) = try Shell.memory(
      of: "qreshape",
      reading: """
        echo model_id,unit,output_type,output_type_id,value
        awk 'BEGIN { for (m = 1; m < 8000; m++) printf "m%d,u,quantile,%.5f,1\\n", m, m / 1e5 }'
        """, output: "wide.csv", afterwards: "head -1 wide.csv | tr , '\n' | wc -l")
    #expect(megabytes < 64)
    #expect(result.text == "8000\n")
  }

  /// Rows that stand twice are kept, byte for byte and in the order of their units, wherever the first ones waited.
  @Test func rejectsDoNotDependOnTheMemory() throws {
    let result = try Shell.run(
      """
      { echo model_id,unit,output_type,output_type_id,value
        awk 'BEGIN { for (l = 1; l <= 9; l++) for (u = 1; u <= 5000; u++) {
          print "some-model,a unit with a long name " u ",quantile,0." l "," u / 7
          if (u % 1000 == l) print "some-model,\\"a unit with a long name " u "\\",quantile,0." l "0,again " l "e0"
        } }' | sed 's/again //'
      } > long.csv
      for memory in 64K 1G; do
        qreshape --quiet --on-error skip --rejects $memory.rejects --memory $memory long.csv > $memory.csv || echo failed
      done
      cmp 64K.csv 1G.csv && cmp 64K.rejects 1G.rejects && wc -l < 1G.rejects
      sed -n '2p' 1G.rejects
      """)
    #expect(result.text == "45\nsome-model,\"a unit with a long name 2\",quantile,0.20,2e0\n")
    #expect(result.error == "")
  }

  /// With rows of units together and known columns, a unit is written as soon as the next one begins.
  @Test func sortedUnitsAreWrittenAtOnce() throws {
    let result = try Shell.run(
      """
      coproc TOOL { qreshape --sorted --models a --levels 0.1,0.9; }
      answer() { read -r -t 10 -u ${TOOL[0]} line && echo "$line" || echo 'no answer'; }
      echo model_id,unit,output_type,output_type_id,value >&${TOOL[1]}
      answer
      for unit in 1 2 3; do
        printf "a,$unit,quantile,0.1,${unit}1\\na,$unit,quantile,0.9,${unit}9\\n" >&${TOOL[1]}
        [ $unit = 1 ] || answer
        sleep 0.05
      done
      """)
    #expect(result.text == "unit,a_q0.1,a_q0.9\n1,11,19\n2,21,29\n")
  }

  // MARK: A hub's way to scores, computed without any of the filters' code

  @Test func scoresOfTheBundledHubAreThoseOfAPlainScript() throws {
    let result = try Shell.run(
      """
      hub=$CHECKOUT/scripts/data/hub
      BIN=$(dirname $(command -v qsort)) $CHECKOUT/scripts/compare/reshape $hub/model-output $hub/target-data/time-series.csv
      """)
    #expect(result.status == 0, "\(result.error)")
    #expect(result.text.contains("42 units, 3 models, 12 scores") && result.text.hasSuffix(": ok\n"), "\(result.text)")
  }
}
