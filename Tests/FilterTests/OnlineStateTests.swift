import Foundation
import Testing

/// Online calibration goes on from run to run as if there had been one run, whatever ends a run and whoever else runs.
@Suite struct OnlineStateTests {
  static let methods = ["aci:window=20", "dtaci:window=30", "agaci", "sf-ogd", "saocp", "pid:window=9"]

  /// Seven places on sixty days, some targets and quantiles missing.
  private static let table = """
    awk 'BEGIN {
      srand(3); print "place,date,y,q0.05,q0.1,q0.5,q0.9,q0.95,b_q0.1,b_q0.9"
      for (d = 1; d <= 60; d++) for (s = 1; s <= 7; s++) {
        y = s + 3 * (d > 30 ? 3 : 1) * (rand() + rand() - 1)
        printf "s%d,2024-%02d-%02d,%s,%d,%d,%d,%d,%d,%s,%d\\n", s, 1 + d / 28, 1 + d % 28, (d % 13 == s ? "" : y),
          s - 2, s - 1, s, s + 1, s + 2, (d % 11 == s ? "" : s - 1), s + 1
      }
    }' > t.csv

    """

  // MARK: Pieces

  @Test(arguments: methods)
  func daysOneByOneGiveWhatAllGiveAtOnce(_ method: String) throws {
    let result = try Shell.run(
      OnlineStateTests.table + """
        run() { qconformal -q -m \(method) --by place --order date --state "$@"; }
        run whole t.csv | tail -n +2 > all.csv
        for day in $(tail -n +2 t.csv | cut -d, -f2 | uniq); do
          { head -1 t.csv; grep ",$day," t.csv; } | run pieces | tail -n +2
        done > some.csv
        cmp all.csv some.csv && cmp whole pieces && echo same
        ls
        """)
    #expect(result.text == "same\nall.csv\npieces\nsome.csv\nt.csv\nwhole\n")
    #expect(result.error == "")
  }

  @Test(arguments: methods)
  func answersAndStateDoNotDependOnThreadsOrHowInputIsCut(_ method: String) throws {
    let result = try Shell.run(
      OnlineStateTests.table + """
        for n in 1 2 7; do
          qconformal -m \(method) --by place --threads $n --state s$n --report -v t.csv > out$n 2> err$n
          dd if=t.csv bs=$((n * 53)) status=none | qconformal -m \(method) --by place --state c$n --report -v > cut$n 2> cuterr$n
        done
        wc -l < out1
        md5sum out? cut? | cut -c1-32 | uniq | wc -l
        md5sum err? cuterr? | cut -c1-32 | uniq | wc -l
        md5sum s? c? | cut -c1-32 | uniq | wc -l
        """)
    #expect(result.text == "421\n1\n1\n1\n")
  }

  /// Formats differ in how rows are written, not in what they teach.
  @Test func aStateDoesNotDependOnTheFormat() throws {
    let result = try Shell.run(
      OnlineStateTests.table + """
        qsort --output ndjson t.csv > t.ndjson
        qconformal -q -m aci --by place --order date --state a t.csv > /dev/null
        qconformal -q -m aci --by place --order date --state b t.ndjson > /dev/null
        cmp a b && echo same
        """)
    #expect(result.text == "same\n")
  }

  // MARK: Late targets

  /// A made-up month: places answer every day, targets come one to four days late, some never, some with the row, and one place begins late. Jobs of
  /// one day each are cut anywhere, within a day too.
  @Test(arguments: methods)
  func lateTargetsGiveTheSameBytesInAnySplitOfTheRuns(_ method: String) throws {
    let result = try Shell.run(
      """
      awk 'BEGIN {
        srand(7); print "place,date,y,q0.05,q0.1,q0.5,q0.9,q0.95"
        for (d = 1; d <= 32; d++) {
          for (k = 1; k < d; k++) for (s = 1; s <= 6; s++) if (due[k, s] == d) print row(k, s, y[k, s])
          for (s = 1; s <= 6; s++) {
            if (d > 28 || (s == 6 && d < 15)) continue
            y[d, s] = sprintf("%.3f", s + 4 * (rand() + rand() - 1)); r = rand()
            due[d, s] = r < .1 ? 0 : r < .3 ? d : d + 1 + int(4 * rand())
            print row(d, s, due[d, s] == d ? y[d, s] : "")
          }
        }
      }
      function row(d, s, y) {
        return sprintf("s%d,%d/%d/2024,%s,%d,%d,%d,%d,%d", s, 9 + (d > 20), d > 20 ? d - 20 : d + 10, y, s - 2, s - 1, s, s + 1, s + 2)
      }' > t.csv
      run() { qconformal -q -m \(method) --by place --order date --time-format %m/%d/%Y --state "$@"; }
      run whole t.csv > all.csv
      head -1 whole | grep -o '"rows":"[0-9]*"'
      awk -F, 'NR > 1 && $3 != ""' t.csv | wc -l
      for size in 1 7 50; do
        tail -n +2 t.csv | split -l $size - part.
        for part in part.*; do { head -1 t.csv; cat $part; } | run s$size | tail -n +2; done | cmp - <(tail -n +2 all.csv)
        cmp whole s$size
        rm part.*
      done
      # A late row is written with its first answer.
      awk -F, 'NR > 1 { key = $1 FS $2; $3 = ""; if (key in first && first[key] != $0) print; first[key] = $0 }' all.csv | wc -l
      """)
    let lines = result.text.split(separator: "\n")
    #expect(lines.count == 3 && lines[0] == "\"rows\":\"\(lines[1])\"" && lines[2] == "0", "\(result.text)")
    #expect(result.error == "")
  }

  // MARK: Streams

  @Test func eachRowIsAnsweredBeforeTheNextIsSent() throws {
    let result = try Shell.run(
      """
      coproc TOOL { qconformal -q -m pid:rate=0.5,integrator=0 --state s; }
      ask() { echo "$1" >&${TOOL[1]}; read -r -t 10 -u ${TOOL[0]} line && echo "$line" || echo "no answer to $1"; }
      ask y,q0.25,q0.75
      for row in 1,0,2 3,0,2 5,0,2 ,10,20; do ask $row; sleep 0.05; done
      """)
    #expect(result.text == "y,q0.25,q0.75\n1,0,2\n3,0.25,1.75\n5,-0.25,2.25\n,8.75,21.25\n")
  }

  @Test(arguments: methods)
  func memoryStaysUnder32MB(_ method: String) throws {
    let (megabytes, _) = try Shell.memory(
      of: "qconformal -q -m \(method)",
      reading: """
        echo id,y,q0.1,q0.9
        yes 'some text that passes through some text that passes through,1.25,4.123456,1.5' | head -c 20000000 | head -n -1
        """)
    #expect(megabytes < 32)
  }

  // MARK: Others

  /// The second run waits for the first, and sees what it learnt. So do many that begin at once, with no state there yet.
  @Test func runsAtOnceWaitForEachOther() throws {
    let result = try Shell.run(
      """
      row() { printf 'y,q0.25,q0.75\\n%s,0,2\\n' $1; }
      { row 5; sleep 0.5; } | qconformal -q -m sf-ogd --state s > first &
      sleep 0.2
      row 5 | qconformal -m sf-ogd --state s --digits 3 -v > second 2> said
      wait
      tail -n 1 first second
      grep -c waiting said
      for i in $(seq 20); do row 5 | qconformal -q -m sf-ogd --state many > /dev/null & done
      wait
      for i in $(seq 20); do row 5 | qconformal -q -m sf-ogd --state one > /dev/null; done
      cmp many one && head -1 many | grep -o '"rows":"[0-9]*"'
      ls
      """)
    #expect(result.text == "==> first <==\n5,0,2\n\n==> second <==\n5,-1.733,3.733\n1\n\"rows\":\"20\"\nfirst\nmany\none\ns\nsaid\nsecond\n")
  }

  /// A first run that fails while others wait leaves the state to them.
  @Test func aFailedFirstRunLeavesTheStateToOthers() throws {
    let result = try Shell.run(
      """
      { printf 'y,q0.25,q0.75\\n5,0,2\\n'; sleep 0.4; echo abc,0,2; } | qconformal -q -m sf-ogd --state s > /dev/null 2> said &
      sleep 0.1
      for i in 1 2 3; do printf 'y,q0.25,q0.75\\n5,0,2\\n' | qconformal -q -m sf-ogd --state s > /dev/null & done
      wait
      head -1 s | grep -o '"rows":"[0-9]*"'
      ls; cat said
      """)
    #expect(
      result.text == "\"rows\":\"3\"\nsaid\ns\nqconformal: stdin:3: column \"y\": \"abc\" is not a number\n"
        || result.text == "\"rows\":\"3\"\ns\nsaid\nqconformal: stdin:3: column \"y\": \"abc\" is not a number\n")
  }

  /// Whatever signal ends a run: the old state, or none, and nothing beside it.
  @Test(arguments: ["HUP", "INT", "TERM", "PIPE", "KILL"])
  func aRunThatIsEndedLeavesTheOldState(_ signal: String) throws {
    let result = try Shell.run(
      """
      printf 'y,q0.25,q0.75\\n5,0,2\\n' | qconformal -q -m sf-ogd --state s > /dev/null
      cp s before
      for state in s new; do
        mkfifo pipe
        # A shell in the background makes its children ignore SIGINT, which env undoes.
        env --default-signal qconformal -q -m sf-ogd --state $state < pipe > out &
        exec 3> pipe
        printf 'y,q0.25,q0.75\\n5,0,2\\n' >&3
        until [ -s out ]; do sleep 0.02; done
        kill -\(signal) $!
        exec 3>&-
        wait $!
        rm -f pipe out
      done 2> /dev/null
      cmp s before
      [ ! -s new ] || echo something new
      rm -f \(signal == "KILL" ? "new" : "")
      printf 'y,q0.25,q0.75\\n5,0,2\\n' | qconformal -q -m sf-ogd --state s --digits 3 | tail -1
      ls
      """)
    #expect(result.text == "5,-1.733,3.733\nbefore\ns\n")
  }

  // MARK: Damage

  /// Each damaged version is refused with one line, no output, and is left as it is.
  private static func acceptances(_ method: String, _ damaged: (_ state: [UInt8]) -> [(place: Int, bytes: ArraySlice<UInt8>)]) throws -> String {
    let shell = try Shell()
    defer { shell.remove() }
    _ = try shell.run(table + "head -80 t.csv | qconformal -q -m \(method) --by place --order date --state m > /dev/null; head -3 t.csv > rows.csv")
    let state = [UInt8](try Data(contentsOf: shell.folder.appendingPathComponent("m")))
    let versions = damaged(state)
    #expect(versions.count > 50)
    for (place, bytes) in versions { try Data(bytes).write(to: shell.folder.appendingPathComponent("d\(place)")) }
    let found = try shell.run(
      """
      tried=0
      for d in d*; do
        cp $d copy
        qconformal -m \(method) --by place --order date --state $d rows.csv > out 2> err
        status=$?
        mapfile -t lines < err
        if [ $status != 65 ] || [ -s out ] || [ ${#lines[@]} != 1 ] || [[ ${lines[0]} != "qconformal: $d: "* ]]; then
          echo "$d of \(state.count): status $status: ${lines[0]}"
        fi
        cmp $d copy
        tried=$((tried + 1))
      done
      echo $tried files
      """)
    let end = "\(versions.count) files\n"
    return found.text.hasSuffix(end) ? String(found.text.dropLast(end.count)) : found.text + found.error + "not all files were tried\n"
  }

  private static func places(_ count: Int) -> [Int] { (1..<count).filter { $0 % 3 == 0 && ($0 < 60 || $0 >= count - 30) || $0 % 41 == 0 } }

  @Test(arguments: ["aci:window=20", "saocp"])
  func aDamagedStateIsRefused(_ method: String) throws {
    #expect(try OnlineStateTests.acceptances(method) { state in OnlineStateTests.places(state.count).map { ($0, state[..<$0]) } } == "")
    let altered = try OnlineStateTests.acceptances(method) { state in
      OnlineStateTests.places(state.count).map { place in
        var altered = state
        altered[place] ^= 1 << (place % 8)
        return (place, altered[...])
      }
    }
    #expect(altered == "")
  }
}
