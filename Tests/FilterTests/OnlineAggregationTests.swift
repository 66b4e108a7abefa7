import Foundation
import Testing

/// Online aggregation goes on from run to run as if there had been one run, and nothing but what was known answers a row.
@Suite struct OnlineAggregationTests {
  static let methods = ["online", "ewa:rate=2,combine=mean", "boa:levels=each,combine=median"]

  /// Three models over three places and two horizons on twenty days; each lacks some rows, and the last comes halfway.
  private static let table = """
    awk 'BEGIN {
      srand(3); print "place,day,h,known,y,a_q0.1,a_q0.5,a_q0.9,b_q0.1,b_q0.5,b_q0.9,c_q0.1,c_q0.5,c_q0.9"
      for (d = 1; d <= 20; d++) for (s = 1; s <= 3; s++) for (h = 1; h <= 2; h++) {
        y = s + rand() + rand() - 1
        a = d % 5 == s ? ",," : sprintf("%.2f,%.2f,%.2f", s - 1 - h / 9, s, s + 1)
        b = d % 7 == s ? ",%.2f," : "%.2f,%.2f,%.2f"
        b = d % 7 == s ? sprintf(b, s + 1) : sprintf(b, s, s + 1, s + 2)
        c = d < 10 ? ",," : sprintf("%.2f,%.2f,%.2f", s - .6, s + .1, s + .7)
        printf "s%d,%d,%d,%d,%.3f,%s,%s,%s\\n", s, d, h, d + h, y, a, b, c
      }
    }' > t.csv

    """

  // MARK: Pieces

  /// What is cut between rows of one time too.
  @Test(arguments: methods)
  func anySplitOfTheRunsGivesTheSameBytes(_ method: String) throws {
    let result = try Shell.run(
      OnlineAggregationTests.table + """
        run() { qaggregate -q -m \(method) --within h,place --order day --known known --state "$@"; }
        run whole t.csv > all.csv
        for size in 1 5 50; do
          tail -n +2 t.csv | split -l $size - part.
          for part in part.*; do { head -1 t.csv; cat $part; } | run s$size | tail -n +2; done | cmp - <(tail -n +2 all.csv)
          cmp whole s$size
          rm part.*
        done
        wc -l < all.csv
        """)
    #expect(result.text == "121\n")
    #expect(result.error == "")
  }

  /// Three horizons: what a job answers each night is what a backtest says of it, by --known and by --lag.
  @Test(arguments: methods)
  func aBacktestOfThreeHorizonsIsTheNightlyJob(_ method: String) throws {
    let result = try Shell.run(
      """
      awk 'BEGIN {
        srand(5); head = "day,known,h,y,a_q0.1,a_q0.9,b_q0.1,b_q0.9"
        for (d = 1; d <= 40; d++) for (h = 1; h <= 3; h++) {
          truth[d, h] = sprintf("%.2f", 4 * rand() - 1)
          rest[d, h] = sprintf("%.2f,%.2f,%.2f,%.2f", rand() - 1, 2 + rand(), rand(), 1 + rand())
        }
        print head > "backtest.csv"
        for (d = 1; d <= 40; d++) {
          job = sprintf("job%02d.csv", d)
          print head > job
          for (h = 3; h >= 1; h--) if (d - h >= 1) printf "%d,%d,%d,%s,%s\\n", d - h, d, h, truth[d - h, h], rest[d - h, h] > job
          for (h = 1; h <= 3; h++) {
            printf "%d,%d,%d,,%s\\n", d, d + h, h, rest[d, h] > job
            printf "%d,%d,%d,%s,%s\\n", d, d + h, h, truth[d, h], rest[d, h] > "backtest.csv"
          }
        }
      }'
      run() { qaggregate -q -m \(method) --within h --order day "$@"; }
      run --known known --state b backtest.csv | cut -d, -f1-3,5- > backtest.out
      for job in job*.csv; do run --known known --state n $job | grep -v '^day' | awk -F, '$4 == ""'; done | cut -d, -f1-3,5- > nightly.out
      tail -n +2 backtest.out | cmp - nightly.out && wc -l < nightly.out
      run --known known backtest.csv | cut -d, -f1-3,5- | cmp - backtest.out
      # One horizon each: its span says the same as its column.
      for h in 1 2 3; do
        awk -F, -v h=$h 'NR == 1 || $3 == h' backtest.csv > h$h.csv
        run --known known h$h.csv > known.out
        run --lag $h h$h.csv | cmp - known.out
        run --lag ${h}t h$h.csv | cmp - known.out
        for job in job*.csv; do
          awk -F, -v h=$h 'NR == 1 || $3 == h' $job | run --lag ${h}t --state l$h | awk -F, '$4 == ""'
        done | cut -d, -f1-3,5- | cmp - <(tail -n +2 known.out | cut -d, -f1-3,5-)
      done
      """)
    #expect(result.text == "120\n")
    #expect(result.error == "")
  }

  /// Of a table of many blocks whose truths come a day late in the same run, with rows that are bad by themselves, or by those before them.
  @Test(arguments: methods)
  func answersAndStateDoNotDependOnThreadsOrHowInputIsCut(_ method: String) throws {
    let result = try Shell.run(
      """
      awk 'BEGIN {
        srand(8); print "place,day,y,a_q0.1,a_q0.5,a_q0.9,b_q0.1,b_q0.5,b_q0.9"
        for (d = 1; d <= 120; d++) {
          for (s = 1; s <= 250; s++) if (d > 1) printf "p%d,%d,%.3f,%s\\n", s, d - 1, rand() * 4, row[s]
          for (s = 1; s <= 250; s++) {
            a = rand(); b = rand()
            row[s] = sprintf("%.3f,%.3f,%s,%.3f,%.3f,%.3f", a, a + 1, (s + d) % 97 ? a + 2 : "inf", b, 2 * b + 1, 2 * b + 3)
            if ((s * d) % 89 == 0) row[s] = "," substr(row[s], index(row[s], ",") + 1)
            printf "p%d,%d,,%s\\n", s, d, row[s]
            if (s % 50 == 0) printf "p%d,%d,,%s\\n", s, d, row[s]
            if (s == 7 && d % 10 == 0) printf "p%d,%d,,%s\\n", s, d, "x" row[s]
            if (s == 8 && d % 10 == 0) printf "p%d,%d,,%s\\n", s + 1000, d - 9, row[s]
          }
        }
      }' > t.csv
      run() { qaggregate -m \(method) --within place --id place,day --order day --on-error skip "$@"; }
      for n in 1 2 7; do
        run --threads $n --state s$n --rejects r$n -v t.csv > out$n 2> err$n
        dd if=t.csv bs=$((n * 4053)) status=none | run --state c$n --rejects d$n -v > cut$n 2> caut$n
      done
      wc -l < out1
      for files in "out? cut?" "s? c?" "r? d?"; do md5sum $files | cut -c1-32 | uniq | wc -l; done
      sed -E 's/(t.csv|stdin)//; s/[sc][127]//' err1 caut1 err2 caut2 err7 caut7 | sort | uniq -c | awk '{ print $1 }' | uniq
      wc -l < r1
      """)
    #expect(result.text == "59751\n1\n1\n1\n6\n624\n")
    #expect(result.error == "")
  }

  // MARK: What does not matter

  @Test(arguments: methods)
  func theOrderOfModelsAndOfRowsOfOneTimeChangesNothing(_ method: String) throws {
    let result = try Shell.run(
      OnlineAggregationTests.table + """
        run() { qaggregate -q -m \(method) --within h,place --order day --known known --state "$@"; }
        columns() { awk -F, -v OFS=, '{ print $1, $2, $3, $4, $5, $12, $13, $14, $6, $7, $8, $9, $10, $11 }' "$@"; }
        run whole t.csv > all.csv
        columns t.csv | run models | cmp - all.csv && cmp <(tail -n +2 whole) <(tail -n +2 models)
        { head -1 t.csv; tail -n +2 t.csv | sort -t, -k2,2n -k3,3nr -k1,1r; } | run rows > rows.csv
        cmp <(sort all.csv) <(sort rows.csv) && echo same
        """)
    #expect(result.text == "same\n")
    #expect(result.error == "")
  }

  /// By eight to the last bit, by another factor up to rounding.
  @Test(arguments: methods)
  func unitsOfTheTargetDoNotMatter(_ method: String) throws {
    let result = try Shell.run(
      OnlineAggregationTests.table + """
        weights() { qaggregate -q -m \(method) --within h --order day --known known --describe "$@"; }
        scale() { awk -F, -v OFS=, -v c=$1 'NR > 1 { for (k = 5; k <= NF; k++) if ($k != "") $k = sprintf("%.17g", $k * c) } 1' t.csv; }
        weights t.csv > plain
        scale 8 | weights | cmp - plain
        scale 1000 | weights --digits 9 > thousand
        weights --digits 9 t.csv | cmp - thousand && echo same
        """)
    #expect(result.text == "same\n")
    #expect(result.error == "")
  }

  // MARK: Models come and go

  @Test func aModelThatAppearsHalfwayGetsItsShareAndOneThatRestsKeepsItsOwn() throws {
    let result = try Shell.run(
      """
      awk 'BEGIN {
        srand(8); print "day,y,a_q0.1,a_q0.9,b_q0.1,b_q0.9,c_q0.1,c_q0.9"
        for (d = 1; d <= 90; d++) {
          y = rand()
          a = d > 20 && d <= 40 ? "," : "0,1"
          c = d <= 50 ? "," : sprintf("%.3f,%.3f", y - .01, y + .01)
          printf "%d,%.3f,%s,1,2,%s\\n", d, y, a, c
        }
      }' > t.csv
      qaggregate -q -m online --order day --describe t.csv | awk -F, '{ weight[$1, $2] = $4 }
        END { print (weight[20, "a"] > .95), (weight[41, "a"] > .95), (weight[51, "c"] < .6), (weight[90, "c"] > .95) }'
      """)
    #expect(result.text == "1 1 1 1\n")
    #expect(result.error == "")
  }

  @Test func weightsFollowAChange() throws {
    let result = try Shell.run(
      """
      awk 'BEGIN {
        srand(9); print "day,y,a_q0.1,a_q0.9,b_q0.1,b_q0.9"
        for (d = 1; d <= 200; d++) { y = rand() + (d > 100); printf "%d,%.3f,0,1,1,2\\n", d, y }
      }' > t.csv
      qaggregate -q -m online --order day --describe t.csv | awk -F, '{ weight[$1, $2] = $4 }
        END { print (weight[100, "a"] > .95), (weight[200, "b"] > .95) }'
      """)
    #expect(result.text == "1 1\n")
  }

  // MARK: A season of nights

  /// Sixty nights over fifty series: truths come late, series begin late, one night is lost, and jobs are killed and run again.
  @Test func aNightlyJobThatIsKilledAndRunAgainEndsWithTheSameBytes() throws {
    let result = try Shell.run(
      """
      awk 'BEGIN {
        srand(11); head = "place,day,y,a_q0.1,a_q0.5,a_q0.9,b_q0.1,b_q0.5,b_q0.9"
        for (d = 1; d <= 60; d++) {
          job = sprintf("job%02d.csv", d); print head > job
          if (d == 31) continue
          for (k = 1; k < d; k++) for (s = 1; s <= 50; s++) if (due[k, s] == d) print row[k, s, 1] > job
          for (s = 1; s <= 50; s++) {
            if (s > 40 && d < s - 20) continue
            due[d, s] = d + 1 + int(4 * rand()); if (due[d, s] == 31) due[d, s] = 32
            q = sprintf("%.2f,%.2f,%.2f,%.2f,%.2f,%.2f", s - rand(), s, s + rand(), s - 2 * rand(), s + .3, s + 2)
            row[d, s, 1] = sprintf("s%d,%d,%.2f,%s", s, d, s + 2 * rand() - 1, q)
            printf "s%d,%d,,%s\\n", s, d, q > job
          }
        }
      }'
      run() { qaggregate -q -m online --within place --order day --state "$@"; }
      for job in job*.csv; do run calm $job; done > calm.csv
      RANDOM=7
      for job in job*.csv; do
        if [ $((RANDOM % 3)) = 0 ]; then
          { head -20 $job; sleep 0.0$((RANDOM % 4)); tail -n +21 $job; } | run rough > /dev/null &
          sleep 0.0$((RANDOM % 6)); kill -9 $! 2> /dev/null; wait $! 2> /dev/null
        fi
        run rough $job
      done 2> /dev/null > rough.csv
      cmp calm rough
      # A night's answers; truths that a run took before it was killed are told by what it taught.
      for run in calm rough; do awk -F, '$3 == ""' $run.csv > $run.answers; done
      cmp calm.answers rough.answers && ls | grep -v job && head -1 calm | grep -o '"rows":"[0-9]*"'
      cat job*.csv | grep -v '^place' | awk -F, '$3 != ""' | wc -l
      """)
    let lines = result.text.split(separator: "\n")
    #expect(lines.prefix(6) == ["calm", "calm.answers", "calm.csv", "rough", "rough.answers", "rough.csv"])
    #expect(lines.count == 8 && lines[6] == "\"rows\":\"\(lines[7])\"", "\(result.text)")
    #expect(result.error == "")
  }

  // MARK: Damage

  @Test func aDamagedStateIsRefused() throws {
    let shell = try Shell()
    defer { shell.remove() }
    let command = "qaggregate -m online --within h,place --order day --known known --state"
    _ = try shell.run(OnlineAggregationTests.table + "head -40 t.csv | \(command) m > /dev/null; head -3 t.csv > rows.csv")
    let state = [UInt8](try Data(contentsOf: shell.folder.appendingPathComponent("m")))
    let places = (1..<state.count).filter { $0 < 60 && $0 % 7 == 0 || $0 % (state.count / 30) == 0 }
    for place in places {
      try Data(state[..<place]).write(to: shell.folder.appendingPathComponent("d\(place)short"))
      var altered = state
      altered[place] ^= 1 << (place % 8)
      try Data(altered).write(to: shell.folder.appendingPathComponent("d\(place)"))
    }
    let found = try shell.run(
      """
      for d in d*; do
        cp $d copy
        \(command) $d rows.csv > out 2> err
        status=$?
        mapfile -t lines < err
        if [ $status != 65 ] || [ -s out ] || [ ${#lines[@]} != 1 ] || [[ ${lines[0]} != "qaggregate: $d: "* ]]; then
          echo "$d: $status: ${lines[0]}"
        fi
        cmp $d copy
      done
      """)
    #expect(found.text == "")
  }
}
