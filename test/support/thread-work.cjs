'use strict'
module.exports = (n) => n * 2
module.exports.triple = (n) => n * 3
