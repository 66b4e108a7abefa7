import Groundwork

/// The program that draws. It gets its script on stdin, and no file but the output is ever made.
enum Gnuplot {
  /// The picture's bytes, and what gnuplot said besides. Throws where it is not installed or fails.
  static func draw(_ script: String) throws -> (picture: [UInt8], remarks: [String]) {
    // -d: whatever start-up files say, the picture is the same.
    guard let (picture, said, status) = try ChildProcess.run("gnuplot", ["-d", "/dev/stdin"], input: script) else {
      let remedy = "install it, on Debian with: apt install gnuplot-nox; or draw with --terminal"
      throw Failure(.unavailable, "gnuplot is not installed, and it draws the pictures", remedy: remedy)
    }
    let remarks = said.split(separator: "\n").map { $0.trimmingBlanks }.filter { !$0.isEmpty }
    if remarks.contains(where: { $0.contains("terminal type") }) {
      throw Failure(.unavailable, "this gnuplot cannot draw in that format", remedy: "draw svg, or install gnuplot-nox")
    }
    guard status == 0, !picture.isEmpty else {
      let how = status & 0x7F == 0 ? "status \(status >> 8 & 0xFF)" : "signal \(status & 0x7F)"
      throw Failure(.internal, "gnuplot failed (\(how))" + (remarks.last.map { ": \($0)" } ?? ""))
    }
    return (withoutTooltips(withoutClock(picture)), remarks)
  }

  /// Programs that show SVG show titles of its parts where the pointer rests, and gnuplot's tell nothing of the picture.
  private static func withoutTooltips(_ picture: [UInt8]) -> [UInt8] {
    guard picture.starts(with: Array("<?xml".utf8)) else { return picture }
    let (start, end) = (Array("<title>".utf8), Array("</title>".utf8))
    func isThere(_ mark: [UInt8], _ place: Int) -> Bool { picture[place] == mark[0] && picture[place...].starts(with: mark) }
    var kept: [UInt8] = []
    kept.reserveCapacity(picture.count)
    var place = 0
    while place < picture.count {
      if isThere(start, place), let close = (place..<picture.count).first(where: { isThere(end, $0) }) {
        place = close + end.count
      } else {
        kept.append(picture[place])
        place += 1
      }
    }
    return kept
  }

  /// A PDF tells when it was made, so that the same table would give other bytes each time: the digits become those of 1970,
  /// which moves nothing. Where a PDF tells it otherwise it stays.
  private static func withoutClock(_ picture: [UInt8]) -> [UInt8] {
    let key = Array("/CreationDate (D:".utf8)
    let epoch = Array("19700101000000".utf8)
    guard picture.starts(with: Array("%PDF".utf8)), picture.count > key.count + epoch.count else { return picture }
    var picture = picture
    for place in stride(from: picture.count - key.count - epoch.count, through: 0, by: -1) where picture[place] == key[0] {
      guard picture[place..<(place + key.count)].elementsEqual(key) else { continue }
      picture.replaceSubrange((place + key.count)..<(place + key.count + epoch.count), with: epoch)
      break
    }
    return picture
  }
}

extension Substring {
  fileprivate var trimmingBlanks: String { String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " }.reversed()) }
}
