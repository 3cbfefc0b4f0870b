using System.Runtime.InteropServices;
using Heed.Checkpoints;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models.Files;

/// <summary>A parameter as a tensor to be written: rows of packed weights are widened as they are read, never the whole weight.</summary>
internal sealed class ParameterTensor(Parameter parameter) : RawTensor(parameter.Name, DType.F32, Array.ConvertAll(parameter.Shape.ToArray(), size => (long)size))
{
    protected override void ReadCore(long start, Span<byte> destination)
    {
        if (!parameter.IsPacked)
        {
            MemoryMarshal.AsBytes(parameter.Value.Span).Slice(checked((int)start), destination.Length).CopyTo(destination);
            return;
        }

        if (destination.IsEmpty) return;
        long rowBytes = parameter.Shape[1] * (long)sizeof(float), first = start / rowBytes, end = (start + destination.Length + rowBytes - 1) / rowBytes;
        using TensorScope scope = TensorScope.Begin();
        Tensor rows = Tensor.Uninitialized((int)(end - first), parameter.Shape[1]);
        parameter.CopyTo((int)first, rows.Span);
        MemoryMarshal.AsBytes(rows.Span).Slice((int)(start - (first * rowBytes)), destination.Length).CopyTo(destination);
    }
}
