using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Autograd;

/// <summary>Tensors one after another along an axis.</summary>
internal sealed class ConcatenateOp : Op
{
    private readonly Variable[] _parts;
    private readonly int _axis;

    private ConcatenateOp(Variable[] parts, int axis) => (_parts, _axis) = (parts, axis);

    public static Variable Apply(int axis, ReadOnlySpan<Variable> parts)
    {
        Tensor[] values = new Tensor[parts.Length];
        bool needed = false;
        for (int i = 0; i < parts.Length; i++)
        {
            values[i] = parts[i].Value;
            needed |= parts[i].NeedsGradient;
        }

        Tensor y = Tensor.Concatenate(axis, values);
        return needed && Tape.IsRecording ? Tape.Record(new ConcatenateOp(parts.ToArray(), axis), y) : y;
    }

    // each part's gradient is its own places of dy
    protected override void Backward(Tensor dy)
    {
        int start = 0;
        foreach (Variable part in _parts)
        {
            int count = part.Shape[_axis];
            if (part.NeedsGradient) Accumulate(part, dy.Slice(_axis, start, count));
            start += count;
        }
    }
}
