import Learners
import MethodKit
import Testing

/// Bad input that every learner meets alike, through the real binary: one clear line and the status, or an answer of numbers.
@Suite struct LearnerTests {
  private static let learners = learnerRegistry.map { $0.description }

  /// `learners`, every name that the registry has, and `quick` with the settings that make one of them fast.
  private static let prelude = """
    printf 'x,y\\n1,2\\n' > one.csv
    learners='\(learners.map(\.name).joined(separator: " "))'
    quick() {
      case $1 in
        cgn | sqr | dqr) echo $1:steps=100,networks=1,hidden=8 ;;
        rff) echo $1:features=20 ;;
        forest | extratrees | boost) echo $1:trees=5 ;;
        *) echo $1 ;;
      esac
    }
    # Numbers in every quantile column, or what is wrong.
    sound() { if grep -qi 'nan\\|inf' $1 || grep -q ',,\\|,$' $1; then echo "$2: missing or infinite quantiles"; fi; }

    """

  /// What a script says that finds nothing wrong where it says nothing.
  private func run(_ script: String) throws -> String { try Shell.complaints(LearnerTests.prelude + script) }

  /// The tool knows the learners of the registry, and no others but the names of sets.
  @Test func theToolHasTheRegistrysLearners() throws {
    let known = try DocumentationTests.values(of: "learner", tool: "qfit")
    #expect(known == Self.learners.map(\.name) + learnerSets.map(\.name))
    #expect(Self.learners.count >= 11)
  }

  /// Each setting, one below and one above its range or beside its choices; and a setting with a letter too many.
  @Test func aSettingThatCannotBeIsOneLine() throws {
    let text = try run(
      """
      tried=0
      for learner in $learners; do
        for setting in $(qfit --help $learner | sed -n 's/^  \\([a-z_]*\\)  .*/\\1/p'); do
          tried=$((tried + 1))
          for bad in "$setting=-1" "$setting=1e30" "$setting=" "$setting=zzz" "${setting}q=1"; do
            qfit -l "$learner:$bad" one.csv > out 2> err; status=$?
            [ $status = 64 ] && [ ! -s out ] && [ $(wc -l < err) = 1 ] && grep -q "$setting" err ||
              echo "$learner:$bad: status $status: $(head -1 err)"
          done
        done
      done
      [ $tried = \(Self.learners.reduce(0) { $0 + $1.settings.count }) ] || echo "$tried settings"
      """)
    #expect(text == "")
  }

  /// Tables on which fits tend to break: each is answered by every learner, with at most a line of warning for each.
  @Test(arguments: [
    ("a constant target", "for (i = 0; i < 40; i++) print i % 7, i % 3 ? \"a\" : \"b\", 5"),
    ("more columns than rows and a row a fold", "for (i = 0; i < 3; i++) print i, \"k\" i, i * i"),
    ("a category in one fold only", "for (i = 0; i < 40; i++) print i, i == 7 ? \"rare\" : \"common\", i % 11"),
    ("huge and tiny numbers", "for (i = 0; i < 40; i++) print i % 7 \"e150\", i % 3 ? \"a\" : \"b\", (i % 11 - 5) (i % 2 ? \"e-150\" : \"e150\")"),
    ("tiny numbers", "for (i = 0; i < 40; i++) print i % 7 \"e-150\", i % 3 ? \"a\" : \"b\", i % 11 \"e-150\""),
  ])
  func everyLearnerAnswers(_ name: String, _ rows: String) throws {
    let text = try run(
      """
      awk -v OFS=, 'BEGIN { print "x,c,y"; \(rows) }' > t.csv
      folds=$(( $(wc -l < t.csv) < 6 ? 3 : 4 ))
      for learner in $learners; do
        qfit -l $(quick $learner) --levels 0.001,0.1,0.5,0.9 --folds $folds t.csv > out 2> err || echo "$learner: status $?: $(head -1 err)"
        sound out $learner
        [ $(wc -l < out) = $(wc -l < t.csv) ] || echo "$learner: $(wc -l < out) rows"
        [ $(grep -c 'level 0.001 needs 1000 labelled rows' err) = 1 ] || echo "$learner: $(cat err)"
        grep -v '^qfit: ' err
      done
      """)
    #expect(text == "", "\(name)")
  }

  @Test func weightsThatAreAllZeroAreOneLine() throws {
    let text = try run(
      """
      printf 'x,w,y\\n1,0,2\\n2,0,3\\n3,0,5\\n' > t.csv
      for learner in $learners; do
        qfit -l $learner -w w --new-only t.csv > out 2> err; status=$?
        [ $status = 65 ] && [ "$(cat err)" = 'qfit: t.csv: column "w": all weights are zero' ] && [ ! -s out ] ||
          echo "$learner: status $status: $(cat err)"
      done
      """)
    #expect(text == "")
  }

  /// Two rows of each of 10,000 categories: a column each would take gigabytes.
  @Test func tenThousandCategoriesFitInMemory() throws {
    let text = try run(
      """
      awk -v OFS=, 'BEGIN {
        srand(1); print "c,x,y"; for (i = 0; i < 20000; i++) print "k" i % 10000, rand(), i % 7 + rand(); print "k5", 1, "" }' > t.csv
      ulimit -v 3000000
      for learner in $learners; do
        qfit -l $(quick $learner) --levels 0.1,0.9 --new-only t.csv > out 2> err || echo "$learner: status $?: $(head -1 err)"
        [ $(wc -l < out) = 2 ] || echo "$learner: $(wc -l < out) rows"
        sed 's/^k5,1,,//' out > answers
        sound answers $learner
      done
      """)
    #expect(text == "")
  }

  @Test func aNetworkThatCannotLearnSaysSoOrStepsBack() throws {
    let text = try run(
      """
      awk -v OFS=, 'BEGIN { srand(1); print "x,y"; for (i = 0; i < 60; i++) print i, rand() * (i % 9) }' > t.csv
      for learner in cgn sqr dqr; do
        qfit -l $learner:rate=1,steps=400,networks=1,layers=8,hidden=32 --levels 0.1,0.9 --new-only --save m t.csv > head 2> err
        status=$?
        if [ $status = 0 ]; then
          printf 'x\\n1\\n60\\n1e9\\n' | qfit --load m > out && sound out $learner
        elif [ $status != 65 ] || [ $(wc -l < err) != 1 ]; then
          echo "$learner: status $status: $(cat err)"
        fi
      done
      """)
    #expect(text == "")
  }
}
