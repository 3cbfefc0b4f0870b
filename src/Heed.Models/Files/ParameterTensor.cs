using System.Runtime.InteropServices;
using Heed.Checkpoints;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models.Files;

/// <summary>A parameter as a tensor to be written; packed weights are unpacked when their turn comes, one at a time.</summary>
internal sealed class ParameterTensor(Parameter parameter) : RawTensor(parameter.Name, DType.F32, Array.ConvertAll(parameter.Shape.ToArray(), size => (long)size))
{
    // The values of the parameter read last, until its end is read: a writer reads a tensor in many pieces, and unpacking for each would cost the square.
    [ThreadStatic]
    private static (Parameter Parameter, Tensor Value)? t_last;

    protected override void ReadCore(long start, Span<byte> destination)
    {
        Tensor value;
        if (!parameter.IsPacked)
        {
            value = parameter.Value;
        }
        else if (t_last is { } last && ReferenceEquals(last.Parameter, parameter))
        {
            value = last.Value;
        }
        else
        {
            t_last?.Value.Dispose();
            value = parameter.Value.LeaveScope();
            t_last = (parameter, value);
        }

        MemoryMarshal.AsBytes(value.Span).Slice(checked((int)start), destination.Length).CopyTo(destination);
        if (!parameter.IsPacked || start + destination.Length < value.Count * sizeof(float)) return;
        value.Dispose();
        t_last = null;
    }
}
