import Foundation
import Testing

/// What CV+ and cross-conformal calibration stand on: the copies of a row that are held for a fold know nothing of that fold's targets, not even
/// by a choice of method or settings (Barber, Candès, Ramdas, Tibshirani 2021, "Predictive inference with the jackknife+", section 3).
@Suite struct HeldCopiesTests {
  /// 48 rows of three folds, six of them without a target; in other.csv the targets of fold 0 are others.
  private static let tables = """
    awk -v OFS=, 'BEGIN {
      srand(4); print "id,x,c,z,y,fold" > "all.csv"; print "id,x,c,z,y,fold" > "other.csv"
      for (i = 1; i <= 48; i++) {
        x = int(40 * rand()); c = substr("abc", 1 + i % 3, 1); z = int(9 * rand()); f = int(i / 3) % 3
        y = x / 2 + z * (rand() - .5) + 3 * rand()
        print i, x, c, z, (i % 8 ? y : ""), f > "all.csv"
        print i, x, c, z, (i % 8 ? (f ? y : 500 - 37 * y * y) : ""), f > "other.csv"
      }
    }'
    # Copies held for fold 0, without their targets.
    held() { awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i } NR == 1 || $at["held"] == 0 { $at["y"] = ""; print }' $1; }
    same() { held $1 > a; held $2 > b; [ $(wc -l < a) -gt 6 ] || echo "$3: no copies"; cmp -s a b || echo "$3: the copies differ"; }

    """

  private static let quick = [
    "forest": ":trees=3", "extratrees": ":trees=3", "boost": ":trees=5", "rff": ":features=5", "cgn": ":networks=1,hidden=3,layers=1,steps=20",
    "sqr": ":networks=1,hidden=3,layers=1,steps=20", "dqr": ":networks=1,hidden=3,layers=1,steps=20",
    "local-coarse": ":networks=1,hidden=2,layers=1,steps=20", "local-medium": ":networks=1,hidden=2,layers=1,steps=20",
    "local-fine": ":networks=1,hidden=2,layers=1,steps=20",
  ]

  @Test func copiesOfLearnersDoNotKnowTheFoldTheyAreHeldFor() throws {
    let script = try MethodListTests.methods("qfit").map(\.name).map { learner in
      """
      for plan in --cv-plus --nested; do
        for tune in "" "--tune 3"; do
          for t in all other; do
            qfit -q -y y -l m=\(learner)\(HeldCopiesTests.quick[learner] ?? "") --exclude id --levels .1,.5,.9 $plan $tune $t.csv > $t.out 2> said ||
              { grep -q "nothing to tune\\|no setting" said && continue 2; cat said; }
          done
          same all.out other.out "\(learner) $plan $tune"
        done
      done
      """
    }
    #expect(try Shell.run(HeldCopiesTests.tables + script.joined(separator: "\n")).text == "")
  }

  @Test func copiesOfCombinationsDoNotKnowTheFoldTheyAreHeldFor() throws {
    let script = try MethodListTests.methods("qaggregate").map(\.name).filter { $0 != "auto" }.map { method in
      """
      for tune in "" "--tune 3"; do
        for t in all other; do
          qaggregate -q -y y -x x,c,z -m \(method)\(HeldCopiesTests.quick[method] ?? "") $tune --save $t.model $t.nested > $t.out 2> said ||
            { grep -q "no setting\\|has no effect\\|row after row" said && continue 2; cat said; }
        done
        same all.out other.out "\(method) $tune"
        # The file answers as the run that made it did, whatever method each copy chose.
        if [ "\(method)" != average ] && [ "\(method)" != median ] && [ "\(method)" != pool ]; then
          awk -F, 'NR == 1 || $5 == ""' all.nested | qaggregate -q --load all.model > loaded; awk -F, 'NR == 1 || $5 == ""' all.out | cmp - loaded
        fi
      done
      """
    }
    let nested = "for t in all other; do qfit -q -y y -l a=linear,b=marginal,d=knn --exclude id --levels .1,.5,.9 --nested $t.csv > $t.nested; done\n"
    #expect(try Shell.run(HeldCopiesTests.tables + nested + script.joined(separator: "\n")).text == "")
  }

  /// A choice for each of three folds; for each of three folds and each of three pairs of them; once where rows are not copied.
  @Test func choicesAreMadeInsideEachCopy() throws {
    let result = try Shell.run(
      HeldCopiesTests.tables + """
        for t in all other; do
          head -n 19 $t.csv | qfit -q -y y -l a=marginal,b=knn:k=2 --exclude id --levels .5 --nested > $t.nested
          qaggregate -y y -m auto --verbose $t.nested 2>&1 > $t.out | grep -c ", chosen"
        done
        same all.out other.out auto
        qfit -y y -l d=knn --tune 3 --exclude id --levels .1,.5,.9 --nested --verbose all.csv 2>&1 > out | grep -c "tuned to"
        qfit -y y -l d=knn --tune 3 --exclude id --levels .1,.5,.9 --verbose all.csv 2>&1 > out | grep -c "tuned to"
        """)
    #expect(result.text == "3\n3\n6\n1\n")
  }
}
