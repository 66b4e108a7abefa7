import Foundation
import Testing

/// Pictures are drawn, show what they should, and show hostile names as they are. Needs gnuplot, which `make test` installs.
@Suite struct PictureTests {
  /// A table for each picture, and what an SVG of it must show.
  static let tables = """
    awk 'BEGIN { srand(3); print "day,place,y,a_q0.025,a_q0.25,a_q0.5,a_q0.75,a_q0.975,b_q0.1,b_q0.5,b_q0.9"
      for (i = 1; i <= 60; i++)
        printf "2026-%02d-%02d,%s,%s,%d,%d,%d,%d,%d,%d,%d,%d\\n", 1 + i / 28, 1 + i % 28, i % 2 ? "north" : "south", i % 9 ? i + 9 * rand() : "",
          i, i + 3, i + 5, i + 7, i + 9, i + 1, i + 6, i + 8 }' > fan.csv
    cp fan.csv reliability.csv; cp fan.csv pit.csv
    qscore -q fan.csv > scores.csv
    printf 'model,level,weight\\na,0.1,0.25\\na,0.9,0.5\\nb,0.1,0.75\\nb,0.9,0.5\\n' > weights.csv

    """
  static let shown = [
    "fan": ["95 % interval", "median", "2026-02-", ">a<", "60 rows"], "reliability": ["95 % band", ">a<", ">b<", "level", "without a target"],
    "pit": ["probability integral transform", ">b, n = ", "calibrated"],
    "scores": ["dispersion", "underprediction", ">a<", "weighted interval score"],
    "weights": [">a<", ">b<", "weight"],
  ]

  @Test(arguments: shown.keys.sorted())
  func everyPictureIsDrawnInEveryFormat(_ picture: String) throws {
    let order = picture == "fan" ? "--order day" : ""
    let result = try Shell.run(
      Self.tables + """
        for format in svg png pdf; do qplot \(picture) \(order) \(picture).csv -o picture.$format || exit; done
        qplot \(picture) \(order) --terminal \(picture).csv > picture.txt || exit
        head -c 4 picture.png | tail -c 3; echo; head -c 5 picture.pdf; echo; grep -c . picture.txt; ls | grep -c picture
        cat picture.svg
        """)
    #expect(result.status == 0 && result.error.isEmpty, "\(result.error)")
    let lines = result.text.split(separator: "\n", maxSplits: 4).map(String.init)
    try #require(lines.count == 5)
    #expect(lines[0] == "PNG" && lines[1] == "%PDF-" && (Int(lines[2]) ?? 0) > 8 && lines[3] == "4")
    let svg = lines[4]
    #expect(svg.hasPrefix("<?xml") && svg.contains("</svg>"))
    for text in Self.shown[picture]! { #expect(svg.contains(text), "\(text)") }
  }

  @Test func theSamePictureFromRowsAndFromTheReport() throws {
    // The report does not tell whether bins end at levels, so its band is another.
    for (picture, flag) in [("reliability", "--reliability"), ("reliability", "--per-level")] {
      let result = try Shell.run(
        Self.tables + """
          grep -v ',,' fan.csv > whole.csv
          qplot \(picture) whole.csv > rows.svg && qscore \(flag) whole.csv | qplot \(picture) > report.svg && cmp rows.svg report.svg
          qplot \(picture) --by place whole.csv > rows.svg && qscore \(flag) --by place whole.csv | qplot \(picture) > report.svg &&
            cmp rows.svg report.svg
          """)
      #expect(result.status == 0, "\(picture): \(result.text) \(result.error)")
    }
  }

  /// What stands below an axis of time, whatever it spans: round dates and times, with blanks between them.
  @Test func datesStandApart() throws {
    let spans: [(last: String, labels: String)] = [
      ("1973-02-27T05:13:20", "05:13:05 05:13:10 05:13:15 05:13:20 05:13:25"),
      ("1973-02-27T06:43", "02-27 05:00 02-27 05:30 02-27 06:00 02-27 06:30 02-27 07:00"),
      ("1973-02-28T11:13", "02-27 00:00 02-27 12:00 02-28 00:00 02-28 12:00"), ("1973-03-08", "1973-02-26 1973-03-05"),
      ("1973-06-07", "1973-02 1973-03 1973-04 1973-05 1973-06 1973-07"), ("1974-07-12", "1973-01 1973-07 1974-01 1974-07 1975-01"),
      ("1997-10-20", "1965 1970 1975 1980 1985 1990 1995 2000 2005"),
    ]
    for (last, labels) in spans {
      let result = try Shell.run(
        "printf 't,y,q0.5\\n1973-02-27T05:13:08,1,2\\n\(last),3,4\\n' | qplot fan --terminal --order t | grep -A 1 -e '┬' | tail -n 1")
      #expect(result.text.split(whereSeparator: \.isWhitespace).joined(separator: " ") == labels, "\(last)")
    }
  }

  @Test func longTitlesAreBrokenAndLongNamesCut() throws {
    let name = String(repeating: "name ", count: 40) + "end"
    let result = try Shell.run("printf 'y,\(name)_q0.5\\n1,2\\n3,4\\n' | qplot fan --terminal --title '\(String(repeating: "word ", count: 40))end'")
    let lines = result.text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    #expect(lines.filter { $0.hasPrefix("word") }.joined(separator: " ") == String(repeating: "word ", count: 40) + "end")
    #expect(lines.contains { $0.hasPrefix("name name") } && lines.contains { $0.contains("…") && $0.hasSuffix("name end: y") })
    #expect(lines.allSatisfy { $0.count <= 80 })
  }

  @Test func hostileNamesAreShownAndDoNothing() throws {
    let name = #"it's `touch broken` $(touch broken) {x}_2^3 @m $HOME %d "+system('touch broken')+" \n \"#
    let field = "\"" + name.replacingOccurrences(of: "\"", with: "\"\"") + "\""
    let quoted = field.dropLast() + "_q0.25\""
    let table = "cat > t.csv <<'END'\n\(field),\(quoted),\(quoted.replacingOccurrences(of: "0.25", with: "0.75"))\n1,0,2\n2,1,4\nEND\n"
    let escaped = name.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
    let target = "export QTARGET=$(head -c 0 t.csv; cat <<'END'\n\(name)\nEND\n)\n"
    for picture in ["fan", "reliability", "pit"] {
      let result = try Shell.run(table + target + "qplot \(picture) t.csv; ls >&2")
      #expect(result.status == 0 && result.error == "t.csv\n", "\(picture): \(result.error)")
      // Names are cut in the middle in a legend and above narrow panels.
      #expect(result.text.contains(String(escaped.prefix(14))) && result.text.contains(escaped.suffix(6)), "\(picture)")
    }
    let scores = try Shell.run(table + target + "qscore t.csv | qplot scores; ls >&2")
    #expect(scores.status == 0 && scores.error == "t.csv\n" && scores.text.contains(String(escaped.prefix(12))))
  }

  /// gnuplot reads texts in quotes, and doubles of quotes in its own way.
  @Test(arguments: ["'a'", "a''b", "''", "'", "\\", "\"q\"", "it's 7'0", "%h %%", "{/Symbol a}", "`date`", "@m"])
  func everyNameIsShownAsItIs(_ name: String) throws {
    let field = "\"" + name.replacingOccurrences(of: "\"", with: "\"\"")
    let result = try Shell.run(
      """
      cat > t.csv <<'END'
      \(field)",\(field)_q0.25",\(field)_q0.75"
      1,0,2
      2,1,4
      END
      IFS= read -r name <<'END'
      \(name)
      END
      qplot fan --title "$name" -y "$name" t.csv
      """)
    #expect(result.status == 0 && result.error.isEmpty, "\(result.error)")
    let shown = name.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
    // The title, the legend, the label of the axis and the title of the panel.
    #expect(result.text.components(separatedBy: "<text>\(shown)</text>").count == 5)
  }

  /// What no font can draw, and what is no character, is shown as a box; a colour of the picture's background is not black.
  @Test func whatHasNoShapeIsABox() throws {
    let result = try Shell.run(
      """
      for name in $'\\uE000' $'\\uFFFE' $'\\U10FFFF' □; do
        printf "y,${name}_q0.25,${name}_q0.75\\n1,0,2\\n2,1,4\\n" > t.csv
        for format in svg png pdf; do qplot fan --format $format t.csv > "$format"; cksum < $format; done | tr '\\n' ' '
        echo
      done | sort -u | wc -l
      printf 'y,a\\302\\205\\302\\233b_q0.25,a\\302\\205\\302\\233b_q0.75\\n1,0,2\\n' | qplot fan | grep -c '>a.x85.x9bb<'
      """)
    #expect(result.text == "1\n1\n" && result.error.isEmpty, "\(result.text) \(result.error)")
  }

  /// Texts of an SVG, with the box that each takes where letters are half as wide as the font is high.
  private func texts(_ svg: String) -> [(text: String, x: ClosedRange<Double>, y: ClosedRange<Double>)] {
    let pattern = #/translate\(([-\d.]+),([-\d.]+)\)( rotate\(-90\))?".*?font-size="([\d.]+)"\s+text-anchor="(\w+)">\s*<text>(.*?)</text>/#
    return svg.matches(of: pattern).map { match in
      let (x, y, size) = (Double(match.1)!, Double(match.2)!, Double(match.4)!)
      let text = String(match.6).replacingOccurrences(of: "&lt;", with: "<").replacingOccurrences(of: "&amp;", with: "&")
      let length = 0.5 * size * Double(text.count)
      let start = match.5 == "start" ? 0 : match.5 == "middle" ? -length / 2 : -length
      let (along, across) = (start...(start + length), -0.75 * size...0.2 * size)
      return match.3 == nil
        ? (text, x + along.lowerBound...x + along.upperBound, y + across.lowerBound...y + across.upperBound)
        : (text, x + across.lowerBound...x + across.upperBound, y - along.upperBound...y - along.lowerBound)
    }
  }

  /// Whatever the names and numbers are, no text leaves the picture, and none covers another.
  @Test(arguments: [
    """
    printf '%s\\n' price,a_q0.1,a_q0.9,b_q0.1,b_q0.9 1234567,1230000,1240000,1220000,1240000 1244567,1230000,1240000,1220000,1240000 |
      qplot fan -y price
    """,
    "printf 'y,a_q0.1,a_q0.9,b_q0.1,b_q0.9\\n-1.234567e-5,-2e-5,-1e-5,-2e-5,-1e-5\\n' | qplot fan",
    """
    y=weekly_hospital_admissions_of_patients_with_confirmed_influenza_per_hundred_thousand
    printf "$y,a_q0.1,b_q0.1\\n1,0,2\\n" | qplot fan -y $y
    """,
    """
    printf 'y,MOBS-GLEAM_FLUH_q0.1,WWWWWWWWWWWW_q0.1,AN_ENSEMBLE_OF_GRADIENT_BOOSTED_TREES_q0.1\\n1,2,2,2\\n' |
      qplot reliability --title "$(printf 'WORD %.0s' {1..40})"
    """,
    """
    printf '%s\\n' model,wis,dispersion,overprediction,underprediction a,1234567890,1234567890,0,0 \
      WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW,1e-7,1e-7,0,0 | qplot scores
    """,
    """
    printf 'location,target,y,PSI-DICE_q0.5\\n01,weekly incidence of flu hospitalisations per hundred thousand,1,2\\n02,other,1,2\\n' |
      qplot pit --by location,target
    """,
  ]) func textsStandApartWithinThePicture(_ command: String) throws {
    let result = try Shell.run(command)
    #expect(result.status == 0 && result.error.isEmpty, "\(result.error)")
    let size = try #require(result.text.firstMatch(of: #/viewBox="0 0 (\d+) (\d+)"/#))
    let texts = texts(result.text)
    #expect(texts.count > 5)
    for (k, a) in texts.enumerated() {
      #expect(a.x.lowerBound >= 0 && a.x.upperBound <= Double(size.1)! && a.y.lowerBound >= 0 && a.y.upperBound <= Double(size.2)!, "\(a)")
      for b in texts[..<k] { #expect(!(a.x.overlaps(b.x) && a.y.overlaps(b.y)), "\(a.text) and \(b.text)") }
    }
  }

  /// A PNG has an end; what is higher is drawn with fewer pixels, or told of.
  @Test func manyPanelsAreDrawnToo() throws {
    let result = try Shell.run(
      """
      awk 'BEGIN { print "g,y,q0.1,q0.9"; for (i = 0; i < 100; i++) print i ",1,0,2" }' | qplot fan --by g --panels 100 -o many.png || exit
      awk 'BEGIN { print "model,g,wis,dispersion,overprediction,underprediction"
        for (g = 0; g < 80; g++) for (m = 0; m < 40; m++) print m "," g ",1,1,0,0" }' | qplot scores --panels 80 -o more.png
      """)
    #expect(result.status == 64 && result.error == "qplot: the picture is too high for PNG; draw fewer panels, or to SVG or PDF\n", "\(result.error)")
  }

  /// Programs show titles of parts of an SVG as tooltips.
  @Test func anSVGHasNoTitlesOfGnuplots() throws {
    let result = try Shell.run(Self.tables + "qplot fan --title '<title>' fan.csv")
    #expect(!result.text.contains("<title") && result.text.contains("&lt;title") && result.text.contains("</svg>"))
  }

  /// Many bins are narrower than their edges would be.
  @Test func narrowBarsHaveNoEdges() throws {
    let result = try Shell.run(Self.tables + "for n in 10 1000; do qplot pit -g a --bins $n fan.csv | grep -ci 'rgb( 74, 127, 168)'; done")
    let counts = result.text.split(separator: "\n")
    #expect(counts.count == 2 && counts[0] != "0" && counts[1] == "0", "\(counts)")
  }

  /// Models of one panel differ in colour, and all of a picture in colour or shape.
  @Test func aSymbolIsThatOfOneModel() throws {
    let result = try Shell.run(
      """
      awk 'BEGIN {
        printf "y"; for (m = 1; m <= 20; m++) printf ",m%d_q0.25", m; print ""
        for (i = 0; i < 8; i++) { printf i; for (m = 1; m <= 20; m++) printf ",%d", m; print "" }
      }' |
        qplot reliability | grep -o "gpPt.*color='.*'" | sed 's/transform=.* color/color/' | sort -u | wc -l
      """)
    #expect(result.text == "20\n")
  }

  /// The README shows the commands by which its pictures are made.
  @Test func theReadmeShowsHowItsPicturesAreMade() throws {
    let readme = try String(contentsOf: Shell.checkout.appendingPathComponent("README.md"), encoding: .utf8)
    let script = try String(contentsOf: Shell.checkout.appendingPathComponent("scripts/make/pictures"), encoding: .utf8)
    let commands = script.split(separator: "\n").filter { $0.hasPrefix("q") || $0.hasPrefix("  q") }
    #expect(commands.count > 3)
    for command in commands { #expect(readme.contains(command + "\n"), "\(command)") }
  }

  @Test func anInterruptedPipeAndAFullDiskEndItProperly() throws {
    let closed = try Shell.run(Self.tables + "qplot fan fan.csv | head -c 1 > /dev/null; echo ${PIPESTATUS[0]}")
    #expect(closed.error.isEmpty && ["0\n", "141\n"].contains(closed.text))
    let full = try Shell.run(Self.tables + "qplot fan fan.csv > /dev/full")
    #expect(full.status == 74)
  }

  @Test func picturesDoNotDependOnTheClock() throws {
    let result = try Shell.run(
      Self.tables + """
        for format in svg png pdf; do TZ=Asia/Kolkata qplot fan fan.csv -o 1.$format; done; sleep 1.1
        for format in svg png pdf; do TZ=America/Caracas qplot fan fan.csv -o 2.$format; cmp 1.$format 2.$format || exit; done
        """)
    #expect(result.status == 0, "\(result.text) \(result.error)")
  }

  /// gnuplot's own failure is told in a line.
  @Test func aGnuplotThatFailsIsReported() throws {
    let result = try Shell.run(
      Self.tables + """
        mkdir bin; printf '#!/bin/sh\\necho something broke >&2\\nexit 3\\n' > bin/gnuplot; chmod +x bin/gnuplot
        PATH=$PWD/bin:$PATH qplot fan fan.csv -o x.svg
        """)
    #expect(result.status == 70 && result.error == "qplot: gnuplot failed (status 3): something broke\n", "\(result.error)")
  }
}
