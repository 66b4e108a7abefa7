import Foundation
import Testing

/// `--order`: what answers a row has learnt from what was known by its time, or the begin of its block, and from nothing else (Dawid 1984).
@Suite struct OrderTests {
  /// 30 days of three rows, three days more without targets, and when each truth is out, one or four days later. In later.csv the targets of rows
  /// that are out on day 17 or later are others. `same A B` compares what two runs say of days to 17, but for their targets.
  private static let tables = """
    awk -v OFS=, 'BEGIN {
      srand(7); print "day,x,c,z,y,out" > "all.csv"; print "day,x,c,z,y,out" > "later.csv"
      for (d = 1; d <= 33; d++) {
        shock = 4 * rand()
        for (i = 1; i <= 3; i++) {
          x = int(40 * rand()); c = substr("abc", 1 + int(3 * rand()), 1); z = int(9 * rand()); out = d + 1 + 3 * int(2 * rand())
          y = x / 2 + z * (rand() - .5) + shock
          print d, x, c, z, (d <= 30 ? y : ""), out > "all.csv"
          print d, x, c, z, (d <= 30 ? (out >= 17 ? 500 - 37 * y : y) : ""), out > "later.csv"
        }
      }
    }'
    to17() { awk -F, -v OFS=, 'NR == 1 || $1 <= 17 { $5 = ""; print }' $1; }
    same() {
      to17 $1 > a; to17 $2 > b; cmp -s a b || echo "$3: answers differ"
      awk -F, 'NR > 1 && $1 <= 17 && $NF != "" { n++ } END { exit n < 9 }' $1 || echo "$3: few answers"
    }

    """

  private static let quick = [
    "forest": ":trees=3", "extratrees": ":trees=3", "boost": ":trees=40,rate=0.3", "rff": ":features=5",
    "cgn": ":networks=1,hidden=3,layers=1,steps=200", "sqr": ":networks=1,hidden=3,layers=1,steps=200",
    "dqr": ":networks=1,hidden=3,layers=1,steps=200", "lasso": ":penalty=cv",
    "local-coarse": ":networks=1,hidden=2,layers=1,steps=100", "local-medium": ":networks=1,hidden=2,layers=1,steps=100",
    "local-fine": ":networks=1,hidden=2,layers=1,steps=100,own=none",
  ]

  @Test func learnersKnowNoLaterTruth() throws {
    let script = try MethodListTests.methods("qfit").map(\.name).map { learner in
      """
      for flags in "" "--tune 3" "--refit time" "--window 9"; do
        case "\(learner) $flags" in cgn*time | sqr*time | dqr*time | boost*time) continue;; esac
        for t in all later; do
          qfit -q --order day --known out -l m=\(learner)\(OrderTests.quick[learner] ?? "") -x x,c,z --levels .1,.5,.9 $flags $t.csv \\
            > $t.out 2> said ||
            { grep -q "nothing to tune\\|no setting" said && continue 2; cat said; }
        done
        same all.out later.out "\(learner) $flags"
      done
      """
    }
    #expect(try Shell.run(OrderTests.tables + script.joined(separator: "\n")).text == "")
  }

  @Test func combinationsKnowNoLaterTruth() throws {
    let script = try MethodListTests.methods("qaggregate").map(\.name).map { method in
      """
      for flags in "" "--tune 2" "--refit time" "--window 9"; do
        case "\(method) $flags" in auto*time | local*time | local*window* | local-[mf]*tune*) continue;; local*" ") flags="--tune 1";; esac
        for t in all later; do
          qaggregate -q --order day --known out -m \(method)\(OrderTests.quick[method] ?? "") -x x,c,z $flags $t.fit > $t.out 2> said ||
            { grep -q "no setting\\|has no effect\\|row after row\\|own flags" said && continue 2; cat said; }
        done
        same all.out later.out "\(method) $flags"
      done
      """
    }
    let fits =
      "for t in all later; do qfit -q --order day --known out -l linear,marginal,knn:k=9 -x x,z --levels .1,.5,.9 --folds 6 $t.csv > $t.fit; done\n"
    #expect(try Shell.run(OrderTests.tables + fits + script.joined(separator: "\n")).text == "")
  }

  @Test func calibrationsKnowNoLaterTruth() throws {
    let methods = [
      "cqr", "cqr-m", "cqr-r", "asymmetric", "residual", "distributional", "weighted -w z", "conditional --given x", "cqr --by c --min-rows 4",
      "cqr --decay 0.9",
    ]
    let script = methods.map { method in
      """
      for flags in "" "--refit block" "--window 9" "--folds 7"; do
        for t in all later; do qconformal -q --order day --known out -m \(method) $flags $t.fit > $t.out || echo; done
        same all.out later.out "\(method) $flags"
      done
      """
    }
    let fits = """
      for t in all later; do
        awk -F, -v OFS=, 'NR == 1 { print $0, "q0.1", "q0.5", "q0.9"; next } { print $0, $2 / 2 - 2, $2 / 2, $2 / 2 + 2 }' $t.csv > $t.fit
      done

      """
    #expect(try Shell.run(OrderTests.tables + fits + script.joined(separator: "\n")).text == "")
  }

  /// Rows of a day share a number w and a shock. By random folds a learner that sees w learns the shock from the targets of the same day, and the
  /// table reports a score that no later day reaches (.13 for 1.03); in order of time it reports what later days bring (.59 for .58).
  @Test func randomFoldsFlatterAndOrderTellsTheTruth() throws {
    let result = try Shell.run(
      """
      awk -v OFS=, 'BEGIN {
        srand(11); print "day,w,y,truth"
        for (d = 1; d <= 500; d++) {
          w = rand(); shock = 0; for (k = 0; k < 12; k++) shock += rand() - .5
          for (i = 0; i < 8; i++) {
            noise = 0; for (k = 0; k < 12; k++) noise += rand() - .5
            y = shock + .2 * noise
            print d, w, (d <= 250 ? y : ""), y
          }
        }
      }' > t.csv
      export QTARGET=y
      pipe() {
        qfit -q -l knn:k=6,linear -x w --levels .1,.25,.5,.75,.9 "$@" t.csv | qaggregate -q "$@" | qsort -q | qconformal -q "$@"
      }
      # Mean scores over days of labelled and of later rows: which is lower, by the standard error over days.
      gap() {
        qscore -q --per-row -y truth "$1" | awk -F, '
          NR == 1 { for (i = 1; i <= NF; i++) if ($i == "wis") w = i; next }
          $w != "" { s[$1] += $w; n[$1]++ }
          END {
            for (d in s) { if (d + 0 <= 110) continue; k = d + 0 > 250; m = s[d] / n[d]; c[k]++; a[k] += m; b[k] += m * m }
            for (k = 0; k < 2; k++) { a[k] /= c[k]; e[k] = (b[k] / c[k] - a[k] * a[k]) / (c[k] - 1) }
            z = (a[1] - a[0]) / sqrt(e[0] + e[1])
            print (z > 10 ? "flatters" : z < 3 && z > -3 ? "tells the truth" : "neither " z)
          }'
      }
      pipe > random.csv; gap random.csv
      pipe --order day > ordered.csv; gap ordered.csv
      """)
    #expect(result.text == "flatters\ntells the truth\n", "\(result.error)")
  }

  /// The folds of time go through the pipe, and so does that rows before the first fit have no predictions.
  @Test func foldsOfTimeGoThroughThePipe() throws {
    let result = try Shell.run(
      OrderTests.tables
        + """
        export QORDER=day QKNOWN=out
        qfit -q -l linear,marginal -x x --levels .1,.5,.9 all.csv > fit.csv
        cut -d, -f1,7 fit.csv | sort -u -t, -k1,1n | awk -F, 'NR > 1 { seen[$2]++ } END { for (t in seen) print t, seen[t] }' | sort
        qaggregate -q fit.csv > mix.csv
        qconformal -q mix.csv > cal.csv
        for t in fit mix cal; do
          awk -F, -v t=$t 'NR > 1 && $NF == "" { n++ } NR > 1 && $NF == "inf" { m++ } END { print t, n + 0, m + 0 }' $t.csv
        done
        qscore -y y cal.csv | cut -d, -f1-2
        unset QORDER QKNOWN
        qaggregate mix.csv; echo $?; qconformal mix.csv; echo $?; qaggregate fit.csv; echo $?; qaggregate -m average -q fit.csv | wc -l
        # Without a target only the last fit answers: the same as that of the labelled rows alone.
        awk -F, 'NR == 1 || $5 != ""' all.csv > old.csv
        qfit -q --order day -l linear -x x --levels .1,.5,.9 --new-only all.csv | cut -d, -f7- > a
        qfit -q --order day -l linear -x x --levels .1,.5,.9 --save m old.csv > /dev/null
        awk -F, 'NR == 1 || $5 == ""' all.csv | qfit -q --load m | cut -d, -f7- | cmp - a
        """)
    #expect(
      result.text == """
         3
        t0 6
        t1 6
        t2 6
        t3 6
        t4 6
        fit 18 0
        mix 36 0
        cal 36 15
        model,n
        ,54
        65
        65
        65
        100

        """, "\(result.error)")
  }

  /// Thirty times whose rows share a shock, and twelve models: all alike, or each with a small bias of its own.
  private static let seasons = """
    season() {
      awk -v bias=$1 'BEGIN {
        srand(5); p = 12
        printf "day,y"; for (j = 0; j < p; j++) printf ",m%d_q0.1,m%d_q0.5,m%d_q0.9", j, j, j; print ""
        for (j = 0; j < p; j++) b[j] = bias * (2 * rand() - 1)
        for (d = 1; d <= 30; d++) {
          for (j = 0; j < p; j++) e[j] = 2 * rand() - 1
          shock = 6 * (rand() - .5)
          for (i = 0; i < 20; i++) {
            base = 10 * rand(); printf "%d,%.3f", d, base + shock + rand() - .5
            for (j = 0; j < p; j++) { c = base + 2 * e[j] + b[j] + rand() - .5; printf ",%.3f,%.3f,%.3f", c - 2, c, c + 2 }
            print ""
          }
        }
      }'
    }
    # The score of a method over that of another, on rows that both answer.
    ratio() {
      qscore -q -g $2,$3 --compare $3 --score wis --output csv $1 | awk -F, -v g=$2 '$1 == g { print $6 }'
    }
    export QTARGET=y

    """

  /// The promises of qaggregate(1), Order of time: on few times that share their shocks no method is more than a twentieth worse than the average,
  /// and auto not a twelfth worse than the better of it and the online method.
  @Test func fewTimesDoNotMislead() throws {
    let result = try Shell.run(
      OrderTests.seasons
        + """
        for bias in 0 3; do
          season $bias | qaggregate -q -m average --keep --as average > s.csv
          qaggregate -q -g 'm*' -m online --order day --keep --as online s.csv > o.csv
          for m in qra fqra best global-coarse; do
            for refit in block time; do
              qaggregate -q -g 'm*' -m $m --order day --refit $refit --keep --as own o.csv > a.csv
              ratio a.csv own average | awk -v m="$m $refit $bias" '!($1 <= 1.05) { print m, $1 }'
            done
          done
          qaggregate -q -g 'm*' -m auto --order day --refit time --keep --as own o.csv > a.csv
          { ratio a.csv own average; ratio a.csv own online; } | sort -n | awk -v b=$bias 'END { if (!($1 <= 1.08)) print "auto", b, $1 }'
        done
        """)
    #expect(result.text == "", "\(result.error)")
  }
}
