/// How something looks: a colour, the shape of its points, and on a terminal a character.
struct Ink: Equatable {
  /// #RRGGBB
  var colour: String
  var mark: Character
  /// What points look like, of gnuplot's point types.
  var point = 7

  static let black = Ink(colour: "#000000", mark: "o")
  static let median = Ink(colour: "#003F63", mark: "*")
  static let reference = Ink(colour: "#444444", mark: ".")
  static let band = Ink(colour: "#DDDDDD", mark: "░")
  /// Around a band, of a wider one.
  static let wideBand = Ink(colour: "#EEEEEE", mark: "·")
  static let bandEdge = Ink(colour: "#777777", mark: "-")
  static let bar = Ink(colour: "#8CC4EA", mark: "█")

  /// Colours that people with any colour vision tell apart, and that are seen on white: those of Okabe and Ito, but for wine and grey in
  /// place of yellow and black.
  private static let colours = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#882255", "#666666"]
  /// Disc, square, triangle, diamond, triangle upside down, pentagon, circle, and square without filling.
  private static let pointTypes = [7, 5, 9, 13, 11, 15, 6, 4]
  private static let letters = Array("ABCDEFGHIJKLMNPQRSTUVWXYZ")

  /// How many series differ in colour alone.
  static let colourCount = colours.count

  /// Of the k-th of several series. Colour and shape together are those of no other of 64, the letter of no other of 25.
  static func series(_ k: Int) -> Ink {
    Ink(colour: colours[k % colours.count], mark: letters[k % letters.count], point: pointTypes[(k + k / colours.count) % pointTypes.count])
  }

  /// Nested bands, the widest first: tints of one hue, the widest the lightest.
  static func nested(_ k: Int, of count: Int) -> Ink {
    let strength = count < 2 ? 0.35 : 0.2 + 0.5 * Double(k) / Double(count - 1)
    let parts = [0.0, 114, 178].map { Int((255 - strength * (255 - $0)).rounded()) }
    let hex = parts.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined()
    let marks: [Character] = count == 1 ? ["▒"] : count <= 4 ? ["░", "▒", "▓", "█"] : Array("123456789") + letters
    return Ink(colour: "#" + hex, mark: marks[k % marks.count])
  }
}
