import Foundation
import Testing

/// A damaged model file is one line on stderr and status 65: never a crash, never an answer.
///
/// Learning is shown by the cases; here files are cut and altered byte by byte.
@Suite struct ModelFileTests {
  /// A tool, how it saves a model named `m`, and a table that the model answers.
  struct Example: CustomTestStringConvertible {
    let tool: String
    let name: String
    let save: String
    let table: String
    var testDescription: String { "\(tool) \(name)" }
  }

  /// Twenty rows of a line with noise, one in five without a target.
  private static let rows = """
    awk 'BEGIN {
      srand(1); print "x,c,y"
      for (i = 1; i <= 20; i++) print i "," (i % 2 ? "a" : "b") "," (i % 5 ? 2 * i + int(9 * rand()) : "") }'
    """
  private static let predicted = """
    awk 'BEGIN {
      srand(1); print "y,fold,a_q0.25,a_q0.75,b_q0.25,b_q0.75"
      for (i = 1; i <= 20; i++) print i "," i % 3 "," i - int(9 * rand()) "," i + 1 "," i - 1 "," i + int(5 * rand()) }'
    """

  private static let featured = "\(predicted) | awk -F, '{ print (NR == 1 ? \"x,c\" : NR % 7 \",\" (NR % 2 ? \"a\" : \"b\")) \",\" $0 }'"

  static let examples = [
    Example(tool: "qfit", name: "marginal", save: "\(rows) | qfit -l marginal --levels 0.1,0.9 --new-only --save m", table: "x,c\\n1,a\\n"),
    Example(tool: "qfit", name: "linear", save: "\(rows) | qfit -l linear --levels 0.1,0.9 --new-only --save m", table: "x,c\\n1,a\\n"),
    Example(tool: "qfit", name: "forest", save: "\(rows) | qfit -l forest:trees=2 --levels 0.1,0.9 --new-only --save m", table: "x,c\\n1,a\\n"),
    Example(
      tool: "qaggregate", name: "average", save: "\(predicted) | qaggregate -m average --save m",
      table: "a_q0.25,a_q0.75,b_q0.25,b_q0.75\\n1,2,3,4\\n"),
    Example(
      tool: "qaggregate", name: "global-coarse", save: "\(predicted) | qaggregate --save m", table: "a_q0.25,a_q0.75,b_q0.25,b_q0.75\\n1,2,3,4\\n"),
    Example(
      tool: "qaggregate", name: "local-fine",
      save: "\(featured) | qaggregate -m local-fine:networks=1,hidden=1,layers=1,steps=9,knots=1,reach=narrow,own=none --save m",
      table: "x,c,a_q0.25,a_q0.75,b_q0.25,b_q0.75\\n1,a,1,2,3,4\\n"),
    Example(tool: "qconformal", name: "cqr", save: "\(predicted) | qconformal --save m", table: "a_q0.25,a_q0.75,b_q0.25,b_q0.75\\n1,2,3,4\\n"),
  ]

  /// Loads each damaged version of the saved model. Returns what is not one line on stderr, status 65 and no output.
  private static func acceptances(_ example: Example, _ damaged: (_ model: [UInt8]) -> [(place: Int, bytes: ArraySlice<UInt8>)]) throws -> String {
    let shell = try Shell()
    defer { shell.remove() }
    let whole = try shell.run("{ \(example.save); } > /dev/null 2>&1; printf '\(example.table)' > t.csv; \(example.tool) --load m < t.csv")
    guard whole.status == 0 else { return "the whole file is refused: \(whole.error)" }
    let model = [UInt8](try Data(contentsOf: shell.folder.appendingPathComponent("m")))
    let versions = damaged(model)
    #expect(versions.count > 100)
    for (place, bytes) in versions { try Data(bytes).write(to: shell.folder.appendingPathComponent("d\(place)")) }
    let found = try shell.run(
      """
      tried=0
      for d in d*; do
        \(example.tool) --load $d < t.csv > out 2> err
        status=$?
        mapfile -t lines < err
        if [ $status != 65 ] || [ -s out ] || [ ${#lines[@]} != 1 ] || [[ ${lines[0]} != "\(example.tool): $d: "* ]]; then
          echo "$d of \(model.count): status $status: ${lines[0]}"
        fi
        tried=$((tried + 1))
      done
      echo $tried files
      """)
    let end = "\(versions.count) files\n"
    return found.text.hasSuffix(end) ? String(found.text.dropLast(end.count)) : found.text + found.error + "not all files were tried\n"
  }

  /// Every third place of the first line and around it and of the last bytes, and some of those between; scripts/fuzz tries the others.
  private static func places(_ count: Int) -> [Int] { (0..<count).filter { $0 % 3 == 0 && ($0 < 500 || $0 >= count - 100) || $0 % 101 == 0 } }

  @Test(arguments: examples)
  func aModelFileCutAnywhereIsRefused(_ example: Example) throws {
    #expect(try ModelFileTests.acceptances(example) { model in ModelFileTests.places(model.count).map { ($0, model[..<$0]) } } == "")
  }

  @Test(arguments: examples)
  func aModelFileWithAnyByteAlteredIsRefused(_ example: Example) throws {
    let found = try ModelFileTests.acceptances(example) { model in
      ModelFileTests.places(model.count).map { place in
        var altered = model
        altered[place] ^= 1 << (place % 8)
        return (place, altered[...])
      }
    }
    #expect(found == "")
  }

  @Test(arguments: examples)
  func savingTheSameAgainGivesTheSameBytes(_ example: Example) throws {
    let result = try Shell.run("{ \(example.save); cp m first; \(example.save); } > /dev/null 2>&1; cmp first m && echo same")
    #expect(result.text == "same\n")
  }

  @Test func whatIsAddedAtTheEndIsRefused() throws {
    let example = ModelFileTests.examples[0]
    let result = try Shell.run("{ \(example.save); } > /dev/null; echo >> m; printf '\(example.table)' | qfit --load m")
    #expect(result.status == 65)
    #expect(result.error == "qfit: m: the model file is damaged or truncated; make it anew with qfit --save\n")
  }

  /// The file is written under another name and renamed, so whenever the writer dies the old one or the new one is there, whole.
  @Test func killingTheWriterLeavesAWholeModel() throws {
    let complaints = try Shell.complaints(
      """
      awk 'BEGIN { srand(1); print "x,z,y"; for (i = 1; i <= 400; i++) print i "," rand() "," i + rand() }' > t.csv
      fit() { qfit -l forest:trees=$1 --levels 9 --new-only --threads 1 --save m t.csv; }
      fit 60 > /dev/null; cp m new
      start=$(date +%s%N); fit 60 > /dev/null; took=$(( ($(date +%s%N) - start) / 1000 ))
      fit 3 > /dev/null; cp m old
      for part in 10 30 50 70 80 85 90 92 94 96 98 99 100 101 102 104; do
        cp old m
        qfit -l forest:trees=60 --levels 9 --new-only --threads 1 --save m t.csv > /dev/null 2>&1 &
        writer=$!
        sleep $(printf '0.%06d' $((took * part / 100)))
        kill -9 $writer 2> /dev/null
        wait $writer 2> /dev/null
        cmp -s m old || cmp -s m new || echo "neither the old file nor the new after $part %"
        head -3 t.csv | qfit --load m > /dev/null || echo "no model after $part %"
        rm -f m.*
      done 2> /dev/null
      """)
    #expect(complaints == "")
  }

  /// `--save` writes the model and nothing else, with the permissions of any new file, and leaves no temporary file behind.
  @Test func savingLeavesNothingElseBehind() throws {
    let result = try Shell.run("umask 027; \(ModelFileTests.examples[0].save) > /dev/null; ls; stat -c %a m")
    #expect(result.text == "m\n640\n")
  }
}
