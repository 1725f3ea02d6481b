// Convolutions as their definitions say, one sum an element: what the fast versions are tested against.
#include "../generated/convolutions.h"
#include "naive.h"

namespace splitmask::naive {

template <class T> static T activated(ConvolutionActivation activation, T value) {
  return activation == ConvolutionActivation::relu && value < T(0) ? T(0) : value;
}

template <class T> void convolution(const Convolution<T>& call) {
  const int64 places = call.outputHeight * call.outputWidth;
  parallelFor(call, call.batch * call.outputChannels, [&](int64 task, int) {
    const int64 sample = task / call.outputChannels, outputChannel = task % call.outputChannels;
    const T* input = call.input + sample * call.channels * call.height * call.width;
    const T* weight = call.weight + outputChannel * call.channels * call.kernelHeight * call.kernelWidth;
    for (int64 place = 0; place < places; ++place) {
      const int64 top = place / call.outputWidth * call.stride - call.padding,
                  left = place % call.outputWidth * call.stride - call.padding;
      T sum = call.bias ? call.bias[outputChannel] : T(0);
      const T* factor = weight;
      for (int64 channel = 0; channel < call.channels; ++channel)
        for (int64 y = top; y < top + call.kernelHeight; ++y)
          for (int64 x = left; x < left + call.kernelWidth; ++x, ++factor) {
            if (y < 0 || y >= call.height || x < 0 || x >= call.width) continue;
            sum += *factor * input[(channel * call.height + y) * call.width + x];
          }
      call.output[task * places + place] = activated(call.activation, sum);
    }
  });
}

template <class T> void convolutionBackwardInput(const ConvolutionBackwardInput<T>& call) {
  const int64 places = call.height * call.width, taps = call.kernelHeight * call.kernelWidth;
  parallelFor(call, call.batch * call.channels, [&](int64 task, int) {
    const int64 sample = task / call.channels, channel = task % call.channels;
    const T* gradient = call.outputGradient + sample * call.outputChannels * call.outputHeight * call.outputWidth;
    for (int64 place = 0; place < places; ++place) {
      T sum = call.bias ? call.bias[channel] : T(0);
      for (int64 outputChannel = 0; outputChannel < call.outputChannels; ++outputChannel)
        for (int64 tap = 0; tap < taps; ++tap) {
          const int64 top = place / call.width + call.padding - tap / call.kernelWidth,
                      left = place % call.width + call.padding - tap % call.kernelWidth;
          if (top < 0 || left < 0 || top % call.stride != 0 || left % call.stride != 0) continue;
          const int64 y = top / call.stride, x = left / call.stride;
          if (y >= call.outputHeight || x >= call.outputWidth) continue;
          sum += call.weight[(outputChannel * call.channels + channel) * taps + tap] *
                 gradient[(outputChannel * call.outputHeight + y) * call.outputWidth + x];
        }
      call.inputGradient[task * places + place] = activated(call.activation, sum);
    }
  });
}

template <class T> void convolutionBackwardWeight(const ConvolutionBackwardWeight<T>& call) {
  const int64 taps = call.kernelHeight * call.kernelWidth;
  parallelFor(call, call.outputChannels * call.channels, [&](int64 task, int) {
    const int64 outputChannel = task / call.channels, channel = task % call.channels;
    for (int64 tap = 0; tap < taps; ++tap) {
      T sum = 0;
      for (int64 sample = 0; sample < call.batch; ++sample) {
        const T* gradient =
            call.outputGradient + (sample * call.outputChannels + outputChannel) * call.outputHeight * call.outputWidth;
        const T* input = call.input + (sample * call.channels + channel) * call.height * call.width;
        for (int64 outputY = 0; outputY < call.outputHeight; ++outputY)
          for (int64 outputX = 0; outputX < call.outputWidth; ++outputX, ++gradient) {
            const int64 y = outputY * call.stride + tap / call.kernelWidth - call.padding,
                        x = outputX * call.stride + tap % call.kernelWidth - call.padding;
            if (y < 0 || y >= call.height || x < 0 || x >= call.width) continue;
            sum += *gradient * input[y * call.width + x];
          }
      }
      call.weightGradient[task * taps + tap] = sum;
    }
  });
}

template <class T> void convolutionBackwardBias(const ConvolutionBackwardBias<T>& call) {
  const int64 places = call.outputHeight * call.outputWidth;
  parallelFor(call, call.outputChannels, [&](int64 channel, int) {
    T sum = 0;
    for (int64 sample = 0; sample < call.batch; ++sample) {
      const int64 begin = (sample * call.outputChannels + channel) * places;
      for (int64 i = begin; i < begin + places; ++i) {
        const T gradient = call.output && !(call.output[i] > 0) ? T(0) : call.outputGradient[i];
        if (call.output) call.sumsGradient[i] = gradient;
        sum += gradient;
      }
    }
    if (call.biasGradient) call.biasGradient[channel] = sum;
  });
}

}  // namespace splitmask::naive

NAIVE_KERNEL(convolution, Convolution)
NAIVE_KERNEL(convolutionBackwardInput, ConvolutionBackwardInput)
NAIVE_KERNEL(convolutionBackwardWeight, ConvolutionBackwardWeight)
NAIVE_KERNEL(convolutionBackwardBias, ConvolutionBackwardBias)
