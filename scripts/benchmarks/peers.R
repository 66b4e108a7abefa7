# Fits linear quantile regression as quantreg does: Rscript peers.R process|levels|lasso DIRECTORY N P
#
# DIRECTORY holds doubles: x (N × P by columns, without a column of ones), y, levels, and for lasso the penalty of each level, or
# nothing for quantreg's own. Writes coefficients there, (P + 1) × levels by columns, and prints the seconds and CPU seconds of the fits.
suppressMessages(library(quantreg))
arguments <- commandArgs(TRUE)
what <- arguments[1]
n <- as.integer(arguments[3])
p <- as.integer(arguments[4])
read <- function(name, count) readBin(file.path(arguments[2], name), "double", count)
x <- cbind(1, matrix(read("x", n * p), n, p))
y <- read("y", n)
levels <- read("levels", 1000)
coefficients <- matrix(0, p + 1, length(levels))
# Columns that others make up get the coefficient 0 where the design must not be singular.
decomposition <- qr(x)
kept <- sort(decomposition$pivot[seq_len(decomposition$rank)])
if (what == "process") {
  set.seed(1)
  seconds <- system.time(coefficients <- rq.fit.pfnb(x, y, levels)$coefficients)
} else if (what == "levels") {
  independent <- x[, kept, drop = FALSE]
  fit <- if (n > 10000) rq.fit.fnb else rq.fit.br
  seconds <- system.time(for (t in seq_along(levels)) {
    coefficients[kept, t] <- suppressWarnings(fit(independent, y, tau = levels[t]))$coefficients
  })
} else {
  # rq's lasso counts half of each |coefficient|.
  penalties <- read("penalties", length(levels))
  seconds <- system.time(for (t in seq_along(levels)) {
    lambda <- if (length(penalties) > 0) c(0, rep(2 * penalties[t], length(kept) - 1)) else NULL
    coefficients[kept, t] <- rq.fit.lasso(x[, kept, drop = FALSE], y, tau = levels[t], lambda = lambda)$coefficients
  })
}
writeBin(as.vector(coefficients), file.path(arguments[2], "coefficients"))
cat(seconds[["elapsed"]], seconds[["user.self"]] + seconds[["sys.self"]], "\n")
