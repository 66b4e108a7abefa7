import Foundation
import Testing

/// The pipe on a season of a forecast hub as hubs are: many models, of which some miss weeks and levels, and teams that write a unit
/// each in their own way.
@Suite struct HubSeasonTests {
  /// Writes `model-output/MODEL/ROUND-MODEL.csv` of 40 models over 12 weeks, 4 places and 2 horizons, and `truth.csv`, which lacks the last
  /// weeks. Every model misses some weeks; models 1 to 4 lack the outer levels, 5 and 6 hold the median alone, every third writes the
  /// horizon as 1.0, and every seventh writes rows of other output types too.
  static let season = """
    awk 'function random() { x = x * 16807 % 2147483647; return x / 2147483647 }
    BEGIN {
      x = 7; split("01 02 US 36", places); n = split("0.025 0.1 0.25 0.5 0.75 0.9 0.975", levels); split("-2 -1.3 -0.7 0 0.7 1.3 2", z)
      print "target_end_date,location,horizon,observation" > "truth.csv"
      for (week = 1; week <= 12; week++) {
        round = sprintf("2024-%02d-%02d", 1 + int((week - 1) / 4), 1 + 7 * ((week - 1) % 4))
        for (p = 1; p <= 4; p++) for (h = 1; h <= 2; h++) {
          truth[week, p, h] = 50 * p + 10 * week + 20 * (random() - 0.5)
          if (week <= 10) printf "%s,%s,%d,%.1f\\n", round, places[p], h, truth[week, p, h] > "truth.csv"
        }
        for (m = 1; m <= 40; m++) {
          name = sprintf("Team%02d-model", m)
          if (week == 1) system("mkdir -p model-output/" name)
          if (random() < 0.15) continue
          file = "model-output/" name "/" round "-" name ".csv"
          print "target_end_date,location,horizon,output_type,output_type_id,value" > file
          for (p = 1; p <= 4; p++) for (h = 1; h <= 2; h++) {
            centre = truth[week, p, h] + (5 + m) * (random() - 0.5)
            horizon = m % 3 ? h : h ".0"
            if (m % 7 == 0) printf "%s,%s,%s,mean,,%.1f\\n", round, places[p], horizon, centre > file
            for (l = 1; l <= n; l++) {
              if ((m <= 4 && (l == 1 || l == n)) || (m > 4 && m <= 6 && l != 4)) continue
              printf "%s,%s,%s,quantile,%s,%.1f\\n", round, places[p], horizon, levels[l], centre + z[l] * (8 + m / 4) > file
            }
          }
          close(file)
        }
      }
    }'

    """

  /// The messages of the pipe are few and short, and `--verbose` tells of what they leave out.
  @Test func aSeasonNeedsFewMessages() throws {
    let shell = try Shell()
    defer { shell.remove() }
    let pipe = """
      set -o pipefail
      qreshape --truth truth.csv --on target_end_date,location,horizon model-output/*/*.csv |
        qaggregate -y observation -m global-coarse --keep --as ensemble | qconformal -y observation | qscore -y observation > scores.csv
      """
    let result = try shell.run(HubSeasonTests.season + pipe)
    let lines = result.error.split(separator: "\n")
    #expect(result.status == 0 && lines.count <= 8 && lines.allSatisfy { $0.utf8.count <= 240 }, "\(result.error)")
    let scores = try shell.run("cut -d, -f1 scores.csv | sort | tr '\\n' ' '").text.split(separator: " ")
    #expect(scores.count == 42 && scores.contains("ensemble") && scores.contains("Team40-model"))

    // Twelve weeks, four places and two horizons, whatever way a team writes them.
    let units = try shell.run("qreshape -q --truth truth.csv --on target_end_date,location,horizon model-output/*/*.csv | tail -n +2 | wc -l")
    #expect(units.text == "96\n")

    let all = try shell.run(pipe.replacingOccurrences(of: " --keep", with: " --verbose --keep"))
    #expect(all.status == 0 && (1...40).count { all.error.contains(String(format: "Team%02d-model", $0)) } > 10)
  }
}
