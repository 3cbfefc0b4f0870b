export { scaleLinear, scaleLog, scaleSqrt } from 'd3-scale';
export { line, area, curveMonotoneX, curveBumpX, linkVertical, linkHorizontal } from 'd3-shape';
export { interpolateRgb, piecewise, interpolateNumber } from 'd3-interpolate';
export { interpolateCividis } from 'd3-scale-chromatic';
export { max, min, extent, range, sum, ticks } from 'd3-array';
