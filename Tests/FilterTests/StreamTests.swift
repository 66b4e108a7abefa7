import Foundation
import Testing

/// Answers come at once, in constant memory, and their bytes depend on nothing but the input.
@Suite struct StreamTests {
  /// Small models, in the scratch folder, that answer columns x, a_q0.1, a_q0.9, b_q0.1, b_q0.9.
  private static let models = """
    awk 'BEGIN {
      srand(1); print "x,y,a_q0.1,a_q0.9,b_q0.1,b_q0.9"
      for (i = 1; i <= 60; i++) { y = i + 9 * rand(); print i "," y "," y - 9 * rand() "," y + 9 * rand() "," y - 4 "," y + 9 * rand() }
    }' > teach.csv
    {
      qfit -x x -l linear,forest:trees=5 --levels 0.1,0.9 --new-only --save fit.model teach.csv
      qaggregate --save weights.model teach.csv
      qconformal --save cqr.model teach.csv
    } > /dev/null

    """

  // MARK: Answers at once

  /// A tool that answers streams.
  struct Answering: CustomTestStringConvertible {
    let command: String
    var testDescription: String { command }
  }

  static let answering = [
    "qsort", "qfit --load fit.model", "qaggregate -m median", "qaggregate --load weights.model", "qconformal --load cqr.model", "qscore --per-row",
    "qreshape --level-style underscore",
  ].map { Answering(command: $0) }

  /// Each answer is read before the next row is sent.
  @Test(arguments: answering)
  func eachRowIsAnsweredBeforeTheNextIsSent(_ tool: Answering) throws {
    let result = try Shell.run(
      StreamTests.models + """
        coproc TOOL { \(tool.command); }
        ask() { echo "$1" >&${TOOL[1]}; read -r -t 10 -u ${TOOL[0]} line && echo "$line" | cut -d, -f1,2 || echo "no answer to $1"; }
        ask x,y,a_q0.1,a_q0.9,b_q0.1,b_q0.9
        for i in 1 2 3 4 5; do
          ask $i,$i.5,4,1,2,3
          sleep 0.05
        done
        """)
    #expect(result.text == "x,y\n1,1.5\n2,2.5\n3,3.5\n4,4.5\n5,5.5\n")
    #expect(result.error == "")
  }

  @Test func aSlowLineOfNDJSONIsAnsweredAtOnceToo() throws {
    let result = try Shell.run(
      """
      coproc TOOL { qsort; }
      for i in 1 2 3; do
        echo "{\\"q0.1\\":$i,\\"q0.9\\":0}" >&${TOOL[1]}
        read -r -t 10 -u ${TOOL[0]} line && echo "$line" || echo 'no answer'
      done
      """)
    #expect(result.text == #"{"q0.1":0,"q0.9":1}"# + "\n" + #"{"q0.1":0,"q0.9":2}"# + "\n" + #"{"q0.1":0,"q0.9":3}"# + "\n")
  }

  /// The whole pipe of answering tools passes a row on at once.
  @Test func aRowRunsThroughTheWholePipeAtOnce() throws {
    let result = try Shell.run(
      StreamTests.models + """
        coproc PIPE { qfit --load fit.model --digits 2 | qaggregate -m average -g linear,forest | qsort | qscore --per-row -g a; }
        for row in x,y,a_q0.1,a_q0.9,b_q0.1,b_q0.9 1,2,3,4,5,6 7,8,9,10,11,12; do
          echo $row >&${PIPE[1]}
          read -r -t 10 -u ${PIPE[0]} line && echo "$line" | cut -d, -f1-6 || echo 'no answer'
        done
        """)
    #expect(result.text == "x,y,a_q0.1,a_q0.9,b_q0.1,b_q0.9\n1,2,3,4,5,6\n7,8,9,10,11,12\n")
  }

  // MARK: Same bytes

  /// Runs each command as `run` says and prints those that fail, or whose output or messages differ from the first run's.
  private static func differences(_ commands: [String], variants: String, run: String) -> String {
    """
    runs=0
    while read -r command; do
      first=
      for variant in \(variants); do
        runs=$((runs + 1))
        { \(run); } > out 2>&1 || echo "$command: $variant fails: $(tail -1 out)"
        [ -s out ] || echo "$command: $variant prints nothing"
        sum=$(md5sum < out)
        : ${first:=$sum}
        [ "$sum" = "$first" ] || echo "$command: $variant differs"
      done
    done << 'COMMANDS'
    \(commands.joined(separator: "\n"))
    COMMANDS
    [ $runs = \(commands.count * variants.split(separator: " ").count) ] || echo "only $runs runs"
    """
  }

  private static let bigTable = """
    awk 'BEGIN {
      srand(2); print "x,place,y,a_q0.1,a_q0.9,b_q0.1,b_q0.9"
      for (i = 1; i <= 20000; i++) {
        y = i % 60 + 9 * rand()
        print i % 60 ",p" i % 7 "," (i % 9 ? y : "") "," y - 9 * rand() "," y + 3 * rand() "," y + rand() "," y - rand()
      }
    }' > big.csv
    head -500 big.csv > small.csv

    """

  @Test func streamedAnswersDoNotDependOnThreads() throws {
    let commands = [
      "qfit --load fit.model", "qaggregate -m median", "qaggregate -m average --keep", "qaggregate --load weights.model",
      "qsort --report", "qsort -m pava --report", "qsort -m minmax --output ndjson", "qconformal --load cqr.model",
      "qscore", "qscore --by place --per-level", "qscore --per-row", "qscore --partial",
      "qreshape --to hub", "qreshape --to nested", "qreshape --to percent --output ndjson",
    ]
    let script =
      StreamTests.models + StreamTests.bigTable + StreamTests.differences(commands, variants: "1 2 7", run: "$command --threads $variant big.csv")
    #expect(try Shell.complaints(script) == "")
  }

  @Test func learningDoesNotDependOnThreads() throws {
    let commands = [
      "qfit -x x,place -l linear,forest:trees=12,marginal --levels 9 -v", "qfit -x x -l forest:trees=12 --levels 9 --group place --folds 3",
      "qaggregate -v", "qaggregate -m best", "qaggregate --describe", "qaggregate -m local-fine:networks=2,hidden=4,steps=60,own=none -x x,place",
      "qaggregate -m local-medium:networks=2,hidden=4,steps=60,noncrossing=pava --describe", "qconformal -v", "qconformal --new-only",
    ]
    // All that -v says but how long it took.
    let run = "$command --threads $variant small.csv 2>&1 | sed -E 's/ in [0-9.e-]+ s$//'"
    let script = "set -o pipefail\n" + StreamTests.bigTable + StreamTests.differences(commands, variants: "1 2 7", run: run)
    #expect(try Shell.complaints(script) == "")
  }

  @Test func calibrationDoesNotDependOnThreads() throws {
    let commands = [
      "qconformal -m distributional --by place --report -v", "qconformal -m asymmetric -w x --report",
      "qconformal -m cqr-r --decay 0.99 --by place --min-rows 60",
    ]
    let script = StreamTests.bigTable + StreamTests.differences(commands, variants: "1 2 7", run: "$command --threads $variant small.csv")
    #expect(try Shell.complaints(script) == "")
  }

  @Test func modelFilesDoNotDependOnThreads() throws {
    let commands = [
      "qfit -x x,place -l linear,forest:trees=12 --levels 9", "qaggregate", "qaggregate -m local-coarse:networks=2,hidden=4,steps=60 --tune 3",
      "qconformal",
    ]
    let script =
      StreamTests.bigTable + StreamTests.differences(commands, variants: "1 2 7", run: "$command --threads $variant --save m small.csv && cat m")
    #expect(try Shell.complaints(script) == "")
  }

  /// Quoted fields with delimiters and line ends, CRLF and long fields, cut anywhere.
  @Test func answersDoNotDependOnHowTheInputIsCut() throws {
    let table = """
      awk 'BEGIN {
        print "id,y,q0.1,q0.9\\r"
        for (i = 1; i <= 900; i++) {
          s = i % 3 ? "plain" : "\\"two \\"\\"lines\\"\\",\\r\\nand " i "\\""
          if (i % 50 == 0) { s = ""; while (length(s) < 3000) s = s "long " }
          print s "," i "," i + 1 "," i - 1 "\\r"
        }
      }' > t.csv
      qsort --output ndjson t.csv > t.ndjson
      qsort --output tsv t.csv > t.tsv
      gzip -n < t.csv > t.csv.gz
      (echo '['; sed '$!s/$/,/' t.ndjson; echo ']') > t.json

      """
    let commands = ["csv", "tsv", "ndjson", "json", "csv.gz"].flatMap { end in ["qsort", "qconformal", "qscore --per-row"].map { "\($0) t.\(end)" } }
    let run = "set -- $command; file=${@: -1}; dd if=$file bs=$variant status=none | ${@:1:$#-1} -"
    #expect(try Shell.complaints(table + StreamTests.differences(commands, variants: "1000000 1 7 509 4093", run: run)) == "")
  }

  @Test func answersDoNotDependOnHowTheTableIsSplitIntoFiles() throws {
    let script =
      StreamTests.bigTable + """
        head -1 small.csv > a.csv; cp a.csv b.csv; cp a.csv c.csv
        sed -n 2,200p small.csv >> a.csv; sed -n '201,$p' small.csv >> c.csv
        for tool in qsort qconformal 'qaggregate -m best' qscore 'qfit -x x -l marginal --levels 9'; do
          cmp <($tool small.csv 2>&1) <($tool a.csv b.csv - < c.csv 2>&1) || echo "$tool differs"
        done
        """
    #expect(try Shell.complaints(script) == "")
  }

  /// A table that exceeds `--memory` waits in a file without a name, and the answers are the same.
  @Test func answersDoNotDependOnMemory() throws {
    let commands = ["qfit -x x,place -l marginal --levels 9", "qaggregate -m best", "qconformal"]
    let script = StreamTests.bigTable + StreamTests.differences(commands, variants: "1G 100K 0", run: "$command --memory $variant big.csv")
    #expect(try Shell.complaints(script) == "")
  }

  // MARK: Constant memory

  @Test(
    arguments: [
      "qsort", "qscore", "qscore --per-row", "qconformal --load cqr.model", "qaggregate -m median", "qreshape --to percent", "qreshape -q --to hub",
    ].map { Answering(command: $0) })
  func memoryStaysUnder32MB(_ tool: Answering) throws {
    let (megabytes, result) = try Shell.memory(
      of: tool.command,
      reading: """
        echo x,y,a_q0.1,a_q0.9,b_q0.1,b_q0.9
        yes 'some text that passes through,1.25,4.123456,1.5,2.25,-3.75' | head -c 100000020 | head -n -1
        """, preparation: StreamTests.models)
    #expect(megabytes < 32)
    #expect(result.error == "")
  }

  /// Of 400,000 rows × 20 features (64 MB) that only teach, and 2,000 that are asked, the features are held once. Answers that nobody reads yet
  /// keep the filter from ending.
  @Test func aTableThatOnlyTeachesIsHeldOnce() throws {
    let result = try Shell.run(
      """
      { echo a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,y
        yes 1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1 | head -n 400000
        yes 1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0, | head -n 2000; } > big.csv
      mkfifo answers
      exec 3<> answers
      qfit --new-only -l marginal big.csv > answers &
      read -r -t 60 -u 3 header
      read -r -t 60 -u 3 answer
      awk '/VmHWM/ { print ($2 < 131072 ? "under 128 MB" : $2 " kB") }' /proc/$!/status
      kill -KILL $!
      wait
      """)
    #expect(result.text == "under 128 MB\n")
  }

  // MARK: One chain

  private static let asked = """
    table=$CHECKOUT/scripts/data/diabetes.csv
    awk -F, -v OFS=, 'NR > 1 && NR % 5 == 1 { $NF = "" } 1' $table > asked.csv
    awk -F, 'NR == 1 || $NF == ""' asked.csv > new.csv
    export QTARGET=progression

    """

  /// From a table to calibrated, scored intervals: on the blanked rows the scores are finite, better than those of the
  /// features-blind baseline, and the intervals cover about as often as they say.
  @Test func theWholePipeGivesSensibleScores() throws {
    let result = try Shell.run(
      StreamTests.asked + """
        qfit -l linear,forest:trees=200 < asked.csv | qaggregate | qsort | qconformal > answered.csv
        qfit -l marginal < asked.csv > baseline.csv
        for answers in answered baseline; do
          awk -F, -v OFS=, 'NR == FNR { truth[FNR] = $NF; next }
            FNR == 1 { for (c = 1; c <= NF; c++) if ($c == "progression") y = c; print; next }
            $y == "" { $y = truth[FNR]; print }' $table $answers.csv | qscore --output ndjson
        done
        """)
    #expect(result.error == "")
    let scores = try result.text.split(separator: "\n").map { try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
    try #require(scores.count == 2)
    func number(_ i: Int, _ key: String) throws -> Double { try #require(scores[i][key] as? Double) }
    #expect(try number(0, "n") == 88)
    #expect(try number(0, "wis") < 0.85 * number(1, "wis"))
    #expect(try number(0, "wis") > 0)
    #expect(try abs(number(0, "bias")) < 0.3)
    #expect(try abs(number(0, "interval_coverage_80") - 0.8) < 0.12)
    #expect(try abs(number(0, "interval_coverage_90") - 0.9) < 0.12)
  }

  /// `--save` now and `--load` later answers new rows as `--new-only` does at once, byte for byte.
  @Test func loadedModelsAnswerAsTheirMakersDid() throws {
    let complaints = try Shell.complaints(
      StreamTests.asked + """
        qfit -l linear,forest:trees=20,marginal --new-only --save fit.model < asked.csv > fit.csv
        qfit --load fit.model < new.csv | cmp - fit.csv || echo qfit differs
        qfit -l linear,forest:trees=20,marginal < asked.csv > predicted.csv
        for method in average median best global-coarse; do
          qaggregate -m $method --new-only --save weights.model < predicted.csv > aggregated.csv
          qaggregate --load weights.model < fit.csv | cut -d, -f11- | cmp - <(cut -d, -f11,13- aggregated.csv) || echo qaggregate $method differs
        done
        qaggregate -m median < predicted.csv > aggregated.csv
        qconformal -q --new-only --save cqr.model < aggregated.csv > calibrated.csv
        qaggregate -m median < fit.csv | qconformal --load cqr.model | cut -d, -f11- | cmp - <(cut -d, -f11,13- calibrated.csv) ||
          echo qconformal differs
        """)
    #expect(complaints == "")
  }

  /// The full fit answers unlabelled rows the same whether labelled rows are written or not.
  @Test func unlabelledRowsAreAnsweredAlikeWithAndWithoutFolds() throws {
    let complaints = try Shell.complaints(
      StreamTests.asked + """
        qfit -l linear,forest:trees=20 < asked.csv | awk -F, 'NR == 1 || $11 == ""' | cut -d, -f1-11,13- > folds.csv
        qfit -l linear,forest:trees=20 --new-only < asked.csv | cmp - folds.csv || echo differs
        """)
    #expect(complaints == "")
  }
}
