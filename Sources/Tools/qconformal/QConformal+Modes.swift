import Calibration
import FilterKit
import MethodKit

extension QConformal {
  static let list = FlagList<QConformal>([
    ("--method", { $0.method != nil }), ("--one-sided", { $0.oneSided != nil }), ("--decay", { $0.decay != nil }), ("--by", { $0.by != nil }),
    ("--min-rows", { $0.minRows != nil }), ("--bounds", { $0.bounds != nil }), ("--levels", { $0.levels != nil }), ("--report", { $0.report }),
    ("--as", { $0.answerName != nil }), ("--partial", { $0.partial }),
    ("--merge", { $0.merge }), ("--compact", { $0.compact }), ("--given", { $0.given != nil }),
    ("--part-id", { $0.partId != nil }),
  ])
  var flags: [GivenFlag] {
    QConformal.list.of(self) + orderOptions.flags + stateOptions.flags + refitOptions.flags + timeOption.flags + targetOption.flags
      + weightOption.flags
      + kindOptions.flags + groupsOption.flags + learning.flags + table.flags
  }

  /// What learning from all rows at once takes, whether rows are answered or their scores are written.
  private static let teaching = TableOptions.names.union([
    "--method", "--one-sided", "--target", "--weight", "--groups", "--by", "--bounds", "--levels", "--given", "--memory",
  ]).union(FeatureKindOptions.names).union(TimeOption.list.names)

  private static func learn(_ method: String) -> Mode {
    Mode(
      "learn", "", "learns from the labelled rows; a labelled row is answered with what those of other folds teach",
      takes: teaching.union(OrderOptions.list.names).union(RefitOptions<RefitByTimeHelp>.list.names).union([
        "--decay", "--min-rows", "--report", "--as", "--new-only", "--save",
      ])
    ) { refusalOfOnline($0, method) }
  }
  private static func copies(_ method: String) -> Mode {
    Mode(
      "copies", "--method cv+", "learns from rows in copies, as qfit --cv-plus and --nested write them, and makes one row of them",
      takes: teaching.union(["--decay", "--min-rows", "--report", "--as", "--new-only", "--save"]).subtracting([
        "--levels", "--given", "--one-sided", "--on-error", "--rejects",
      ]).subtracting(FeatureKindOptions.names).subtracting(TimeOption.list.names)
    ) { flag in
      switch flag {
      case "--order", "--known", "--lag", "--refit", "--window", "--folds": refusalOfOrder(flag, method)
      case "--categorical", "--numeric", "--date": ("\(flag): \(method) uses no features", nil)
      case "--given": ("--given: \(method) uses no columns", "use --method conditional")
      case "--levels": ("--levels: \(method) makes no levels", "use --method residual")
      case "--on-error", "--rejects": refusalOfSkipping(method)
      case "--partial", "--compact": ("\(flag): \(method) learns from more than scores", "calibrate the whole table")
      default: refusalOfOnline(flag, method)
      }
    }
  }
  static func refusalOfOrder(_ flag: String, _ method: String) -> Mode.Refusal {
    (
      "\(flag): \(method) rests on rows that could have come in any order",
      "leave it out, or calibrate in order of time with another method and qfit --order"
    )
  }
  static func refusalOfSkipping(_ method: String) -> Mode.Refusal {
    ("--on-error skip: \(method) takes rows in copies, of which none can be left out alone", "leave bad rows out before qfit")
  }
  private static func refusalOfOnline(_ flag: String, _ method: String) -> Mode.Refusal {
    ["--state", "--id", "--keep-open", "--time-format"].contains(flag)
      ? (
        "\(flag): \(method) learns from all rows at once",
        "choose an online method: \(calibrationRegistry.online.map { $0.description.name }.joined(separator: ", "))"
      )
      : Mode.hasNoEffect(flag)
  }
  private static func online(_ method: String) -> Mode {
    Mode(
      "online", "--method aci", "answers each row with what the rows before it taught, and learns from it",
      takes: TableOptions.names.union([
        "--method", "--target", "--groups", "--by", "--bounds", "--report", "--as", "--order", "--state", "--new-only", "--known", "--lag", "--id",
        "--keep-open",
        "--time-format",
      ])
    ) { flag in
      let remedy = ["--save": "--state keeps what it learnt", "--memory": "it holds no rows"][flag]
      return ("\(flag): \(method) learns row after row", remedy ?? "leave it out, or choose a method that learns from all rows at once")
    }
  }
  private static let partialScores = Mode(
    "partial", "--partial", "writes the scores of labelled rows in place of the table",
    takes: teaching.union(["--partial", "--part-id", "--compact"]).subtracting(["--drop"])
  ) { flag in
    switch flag {
    case "--min-rows": ("--min-rows is decided by --merge, of all rows", "see qconformal --help")
    case "--decay":
      ("--decay depends on how old rows are among all of them, which --partial does not see; use --weight", "see qconformal --help")
    case "--order", "--state", "--known", "--lag", "--id", "--keep-open", "--refit", "--window", "--folds":
      ("\(flag) does not go with --partial, which learns nothing", "see qconformal --help")
    default:
      (
        "--partial writes scores and answers nothing, so \(flag) does not go with it; --merge --save makes the model", "see qconformal --help"
      )
    }
  }
  private static let mergedScores = Mode(
    "merge", "--merge --save FILE", "puts together what --partial wrote, and saves a model of it or writes it",
    takes: ["--merge", "--partial", "--compact", "--save", "--min-rows", "--quiet", "--verbose"]
  ) { ("--merge takes what the files of scores hold, so \($0) has no effect", "see qconformal --help") }
  private static let answer = Mode(
    "answer", "--load FILE", "calibrates every row with a model file, as a stream", takes: TableOptions.names.union(["--load", "--bounds", "--as"]),
    refusal: LearningOptions.refusalOfLoading("qconformal"))

  static let modes = [learn("the method"), copies("cv+"), online("the method"), partialScores, mergedScores, answer]

  func mode() throws -> Mode {
    if merge { return QConformal.mergedScores }
    if learning.load != nil, !partial { return QConformal.answer }
    let specification = try specification()
    switch method(specification) {
    case .online: return QConformal.online(specification.method)
    case .ofCopies: return QConformal.copies(specification.method)
    case .ofRows: return partial ? QConformal.partialScores : QConformal.learn(specification.method)
    }
  }
}
